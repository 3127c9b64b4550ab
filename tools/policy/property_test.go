package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/policy"
)

// judged makes one sheet a ruler.
type judged struct{ *policy.Sheet }

func (j judged) Rule(ctx context.Context, d tools.Descriptor, c tools.Call, _ func() (tools.Preview, error)) tools.Ruling {
	return j.Judge(ctx, d, c, estimate)
}

// used lets every approval be used.
type used struct{}

func (*used) Use(context.Context, string, string) (bool, error) { return true, nil }

// drawRule writes a rule that Parse takes.
func drawRule(t *rapid.T, verdict string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - %s: %q\n", verdict, rapid.SampledFrom([]string{"*", "**", "run_*", "train_launch", "run_tag", "!runs_list", "r*e"}).Draw(t, "tool"))
	for _, line := range []string{
		"    effect: [read, write, launch]\n", "    source: [cli, agent, mcp]\n", "    family: \"*\"\n",
		"    cost: {seconds: \"<= 1h\"}\n", "    cost: {bytes: \"> 1\"}\n",
	} {
		key, _, _ := strings.Cut(line, ":")
		if rapid.Bool().Draw(t, "has") && !strings.Contains(b.String(), key+":") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func drawPolicy(t *rapid.T) string {
	text := "rules:\n"
	for range rapid.IntRange(1, 6).Draw(t, "rules") {
		text += drawRule(t, rapid.SampledFrom([]string{"allow", "allow", "ask", "deny"}).Draw(t, "verdict"))
	}
	return text
}

func TestNothingIsDestroyedWithoutAPersonsWord(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	rapid.Check(t, func(t *rapid.T) {
		s, err := policy.Parse(name, []byte(drawPolicy(t)))
		if err != nil {
			t.Fatal(err)
		}
		d := rapid.SampledFrom(catalogue()).Draw(t, "tool")
		c := tools.Call{ID: "x", Tool: d.Name, Args: json.RawMessage(`{}`)}
		ran := false
		handle := tools.Handler(func(context.Context, tools.Call, func(tools.Progress)) (tools.Result, error) {
			ran = true
			return tools.Result{}, nil
		})
		for _, gate := range []tools.Gate{tools.ApprovalGate(&used{}, now), tools.ObeyGate(), tools.RuleGate(judged{s}, now)} {
			handle = gate(d, handle)
		}
		ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: rapid.SampledFrom([]tools.Source{"", "cli", "model", "mcp"}).Draw(t, "source")})
		given := rapid.SampledFrom([]string{"none", "blanket", "person"}).Draw(t, "approval")
		if given != "none" {
			ctx = tools.WithApproval(ctx, tools.Approval{
				Fingerprint: tools.Fingerprint(c.Tool, c.Args), By: "ada", At: now(), ExpiresAt: now().Add(time.Hour), Blanket: given == "blanket",
			})
		}
		_, err = handle(ctx, c, nil)
		verdict := s.Judge(ctx, d, c, estimate).Verdict
		switch {
		case ran != (err == nil):
			t.Fatalf("ran %t, %v", ran, err)
		case ran && d.Effect == tools.Destroy && given != "person":
			t.Fatal("destroyed without a person's word")
		case ran && verdict == tools.Deny:
			t.Fatal("ran against a deny")
		case ran && verdict == tools.Ask && given != "person":
			t.Fatal("an ask was not asked")
		case !ran && given == "person" && verdict != tools.Deny:
			t.Fatalf("a person's yes did not count: %v", err)
		}
	})
}

func TestDenyWinsOverAnyAllowOfTheOtherFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		denying, err := policy.Parse("a", []byte("rules:\n"+drawRule(rt, "deny")))
		if err != nil {
			rt.Fatal(err)
		}
		other, err := policy.Parse("b", []byte(drawPolicy(rt)))
		if err != nil {
			rt.Fatal(err)
		}
		d := rapid.SampledFrom(catalogue()).Draw(rt, "tool")
		c := tools.Call{Tool: d.Name, Args: json.RawMessage(`{}`)}
		alone := denying.Judge(rt.Context(), d, c, estimate)
		for _, both := range []tools.Rulers{{judged{denying}, judged{other}}, {judged{other}, judged{denying}}} {
			if got := both.Rule(rt.Context(), d, c, estimate); alone.Verdict == tools.Deny && got.Verdict != tools.Deny {
				rt.Fatalf("%s: %+v", d.Name, got)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nrules:\n  - allow: [run_*, \"!run_delete\"]\n    args: {epochs: \"<= 50\", path: \"/data/**\"}\n    cost: {seconds: \"<= 1h\"}\n    source: [cli, agent]\n"))
	f.Add([]byte("paths: {read: [/data], write: [/out]}\nbudget: {day: {launches: 3, seconds: 8h, bytes: 20GB}}\n"))
	f.Add([]byte("rules:\n  - &a {deny: x}\n  - *a\n"))
	f.Add([]byte("rules: [{deny: \"\\x00\", args: {a: [1, true, ~]}}]"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := policy.Parse(name, raw)
		if err != nil {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("%v is no mistake of a policy", err)
			}
			return
		}
		_ = s.Check(catalogue())
		for _, d := range catalogue() {
			r := s.Judge(t.Context(), d, tools.Call{Tool: d.Name, Args: json.RawMessage(`{"epochs":5}`)}, estimate)
			if d.Effect == tools.Destroy && r.Verdict == tools.Allow {
				t.Errorf("%q allows %s", raw, d.Name)
			}
		}
	})
}
