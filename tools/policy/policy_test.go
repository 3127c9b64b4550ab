package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/policy"
)

const name = ".minivess/policy.yaml"

// catalogue has a tool of each effect.
func catalogue() []tools.Descriptor {
	text := func(format string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Format: format} }
	object := func(p map[string]*jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", Properties: p}
	}
	return []tools.Descriptor{
		{Name: "runs_list", Family: "query", Effect: tools.Read, Input: object(map[string]*jsonschema.Schema{"limit": {Type: "integer"}})},
		{Name: "run_tag", Family: "query", Effect: tools.Write, Input: object(map[string]*jsonschema.Schema{"key": text("")})},
		{Name: "model_export", Family: "serve", Effect: tools.Write, Input: object(map[string]*jsonschema.Schema{"path": text(tools.FormatWrite), "format": text("")})},
		{Name: "train_launch", Family: "train", Effect: tools.Launch, Input: object(map[string]*jsonschema.Schema{
			"epochs": {Type: "integer"}, "model": text(""), "plan": {Type: "boolean"}, "patch_size": {Type: "array", Items: &jsonschema.Schema{Type: "integer"}},
		})},
		{Name: "run_delete", Family: "query", Effect: tools.Destroy, Input: object(map[string]*jsonschema.Schema{"run": text("")})},
	}
}

func tool(t *testing.T, name string) tools.Descriptor {
	t.Helper()
	for _, d := range catalogue() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no tool %q", name)
	return tools.Descriptor{}
}

func sheet(t *testing.T, text string) *policy.Sheet {
	t.Helper()
	s, err := policy.Parse(name, []byte(text))
	if err == nil {
		err = s.Check(catalogue())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// estimate is a preview of half an hour that fills in 20 epochs.
func estimate() (tools.Preview, error) {
	return tools.Preview{
		Args: json.RawMessage(`{"epochs":20,"model":"segresnet"}`),
		Cost: tools.Cost{Seconds: 1800, DiskBytes: 2e9, MemoryBytes: 4e9, Basis: "cost model"},
	}, nil
}

func nothingKnown() (tools.Preview, error) { return tools.Preview{}, errors.New("no such dataset") }

func judge(ctx context.Context, t *testing.T, s *policy.Sheet, toolName, args string) tools.Ruling {
	t.Helper()
	return s.Judge(ctx, tool(t, toolName), tools.Call{Tool: toolName, Args: json.RawMessage(args)}, estimate)
}

func TestRulesFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, policy, tool, args string
		source                   tools.Source
		want                     tools.Verdict
		line                     string
	}{
		{"nothing written", "", "train_launch", `{}`, "", "", ""},
		{"only a comment", "# nothing yet\n", "train_launch", `{}`, "", "", ""},
		{"by name", "rules:\n  - allow: run_tag\n", "run_tag", `{}`, "", tools.Allow, ":2"},
		{"another name", "rules:\n  - allow: run_tag\n", "model_export", `{}`, "", "", ""},
		{"by glob", "rules:\n  - deny: run_*\n", "run_tag", `{}`, "", tools.Deny, ":2"},
		{"glob and exception", "rules:\n  - deny: [run_*, \"!run_tag\"]\n", "run_tag", `{}`, "", "", ""},
		{"only an exception", "rules:\n  - deny: \"!run_tag\"\n", "model_export", `{}`, "", tools.Deny, ":2"},
		{"by family", "rules:\n  - ask: \"*\"\n    family: query\n", "runs_list", `{}`, "", tools.Ask, ":2"},
		{"by effect", "rules:\n  - allow: \"*\"\n    effect: [write, launch]\n", "train_launch", `{}`, "", tools.Allow, ":2"},
		{"by another effect", "rules:\n  - allow: \"*\"\n    effect: write\n", "train_launch", `{}`, "", "", ""},
		{"the strictest of three", "rules:\n  - allow: \"*\"\n  - ask: train_*\n  - deny: train_launch\n", "train_launch", `{}`, "", tools.Deny, ":4"},
		{"whatever the order", "rules:\n  - deny: train_launch\n  - allow: \"*\"\n", "train_launch", `{}`, "", tools.Deny, ":2"},
		{"the first of those alike", "rules:\n  - allow: \"*\"\n  - allow: run_tag\n", "run_tag", `{}`, "", tools.Allow, ":2"},
		{"nothing allows what destroys", "rules:\n  - allow: \"*\"\n", "run_delete", `{"run":"a"}`, tools.SourceCLI, "", ""},
		{"what destroys can be denied", "rules:\n  - deny: \"*\"\n    effect: destroy\n", "run_delete", `{"run":"a"}`, "", tools.Deny, ":2"},
		{"range, in it", "rules:\n  - allow: train_launch\n    args: {epochs: \"<= 50\"}\n", "train_launch", `{"epochs":20}`, "", tools.Allow, ":2"},
		{"range, default from the preview", "rules:\n  - allow: train_launch\n    args: {epochs: \"<= 50\"}\n", "train_launch", `{}`, "", tools.Allow, ":2"},
		{"range, what was sent counts too", "rules:\n  - allow: train_launch\n    args: {epochs: \"<= 50\"}\n", "train_launch", `{"epochs":500}`, "", "", ""},
		{"range, denied by the preview", "rules:\n  - deny: train_launch\n    args: {epochs: \"> 10\"}\n", "train_launch", `{"epochs":5}`, "", tools.Deny, ":2"},
		{"a number that is text", "rules:\n  - deny: train_launch\n    args: {epochs: \"> 99\"}\n", "train_launch", `{"epochs":"many"}`, "", tools.Deny, ":2"},
		{"equal", "rules:\n  - allow: train_launch\n    args: {model: [segresnet, unet]}\n", "train_launch", `{"model":"segresnet"}`, "", tools.Allow, ":2"},
		{"equal to a truth value", "rules:\n  - deny: train_launch\n    args: {plan: true}\n", "train_launch", `{"plan":true}`, "", tools.Deny, ":2"},
		{"one of a list for deny", "rules:\n  - deny: train_launch\n    args: {patch_size: \"> 96\"}\n", "train_launch", `{"patch_size":[64,64,128]}`, "", tools.Deny, ":2"},
		{"all of a list for allow", "rules:\n  - allow: train_launch\n    args: {patch_size: \"<= 96\"}\n", "train_launch", `{"patch_size":[64,64,128]}`, "", "", ""},
		{"path under", "rules:\n  - deny: model_export\n    args: {path: /srv/**}\n", "model_export", `{"path":"/srv/x/m.onnx"}`, "", tools.Deny, ":2"},
		{"path, by a way around", "rules:\n  - deny: model_export\n    args: {path: /srv/**}\n", "model_export", `{"path":"/tmp/../srv/m.onnx"}`, "", tools.Deny, ":2"},
		{"path, one that only looks allowed", "rules:\n  - allow: model_export\n    args: {path: /tmp/**}\n", "model_export", `{"path":"/tmp/../srv/m.onnx"}`, "", "", ""},
		{"path left out", "rules:\n  - deny: model_export\n    args: {path: /srv/**}\n", "model_export", `{}`, "", "", ""},
		{"cost", "rules:\n  - allow: train_launch\n    cost: {seconds: \"<= 1h\", bytes: \"<= 2GB\", gpu_hours: \"<= 0.5\"}\n", "train_launch", `{}`, "", tools.Allow, ":2"},
		{"cost too high", "rules:\n  - allow: train_launch\n    cost: {seconds: \"<= 20m\"}\n", "train_launch", `{}`, "", "", ""},
		{"cost denied", "rules:\n  - deny: \"*\"\n    cost: {memory: \"> 3GiB\"}\n", "train_launch", `{}`, "", tools.Deny, ":2"},
		{"source", "rules:\n  - allow: run_tag\n    source: cli\n", "run_tag", `{}`, tools.SourceCLI, tools.Allow, ":2"},
		{"another source", "rules:\n  - allow: run_tag\n    source: cli\n", "run_tag", `{}`, tools.SourceModel, "", ""},
		{"both kinds of assistant", "rules:\n  - deny: run_tag\n    source: agent\n", "run_tag", `{}`, tools.SourcePlanner, tools.Deny, ":2"},
		{"unknown source, allow", "rules:\n  - allow: run_tag\n    source: cli\n", "run_tag", `{}`, "", "", ""},
		{"unknown source, deny", "rules:\n  - deny: run_tag\n    source: mcp\n", "run_tag", `{}`, "", tools.Deny, ":2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: c.source})
			got := judge(ctx, t, sheet(t, c.policy), c.tool, c.args)
			if got.Verdict != c.want || !strings.HasSuffix(got.By, c.line) {
				t.Errorf("%s by %q, want %s by line %s", got.Verdict, got.By, c.want, c.line)
			}
		})
	}
}

func TestWhatIsNotKnownCountsAgainstTheCall(t *testing.T) {
	t.Parallel()
	call := tools.Call{Tool: "train_launch", Args: json.RawMessage(`{}`)}
	free := func() (tools.Preview, error) { return tools.Preview{Args: json.RawMessage(`{}`)}, nil }
	for _, preview := range []func() (tools.Preview, error){nothingKnown, free} {
		for condition, want := range map[string]tools.Verdict{
			"allow: train_launch\n    args: {epochs: \"<= 50\"}":  "",
			"deny: train_launch\n    args: {epochs: \"> 50\"}":    tools.Deny,
			"allow: train_launch\n    cost: {seconds: \"<= 1h\"}": "",
			"deny: train_launch\n    cost: {seconds: \"> 1h\"}":   tools.Deny,
		} {
			got := sheet(t, "rules:\n  - "+condition+"\n").Judge(t.Context(), tool(t, "train_launch"), call, preview)
			if got.Verdict != want {
				t.Errorf("%s: %q, want %q", condition, got.Verdict, want)
			}
		}
	}
}

func TestMistakesHaveAPlaceAndAWayOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, policy, where, want string }{
		{"key", "rulez: []\n", ":1:1", "did you mean rules?"},
		{"key of a rule", "rules:\n  - alow: \"*\"\n", ":2:5", "did you mean allow?"},
		{"effect", "rules:\n  - ask: \"*\"\n    effect: lauch\n", ":3:13", "did you mean launch?"},
		{"source", "rules:\n  - ask: \"*\"\n    source: modle\n", ":3:13", "did you mean model?"},
		{"cost", "rules:\n  - ask: \"*\"\n    cost: {secnds: \"> 1\"}\n", ":3:12", "did you mean seconds?"},
		{"unit", "rules:\n  - ask: \"*\"\n    cost: {seconds: \"> 1 fortnight\"}\n", ":3", "want seconds"},
		{"no comparison", "rules:\n  - ask: \"*\"\n    cost: {seconds: 5}\n", ":3", "<= 5"},
		{"tool", "rules:\n  - deny: run_delte\n", ":2", "did you mean run_delete?"},
		{"argument", "rules:\n  - deny: train_launch\n    args: {epoch: \"> 5\"}\n", ":2", "did you mean epochs?"},
		{"allow destroy", "rules:\n  - allow: \"*\"\n    effect: destroy\n", ":2", "approved by a person"},
		{"allow a tool that destroys", "rules:\n  - allow: run_delete\n", ":2", "approved by a person"},
		{"two verdicts", "rules:\n  - allow: \"*\"\n    deny: \"*\"\n", ":3:5", "two rules"},
		{"no verdict", "rules:\n  - effect: read\n", ":2", "needs allow, ask or deny"},
		{"twice", "rules:\n  - allow: \"*\"\n    family: a\n    family: b\n", ":", "family"},
		{"nothing", "rules:\n  - allow:\n", ":2:5", "has no value"},
		{"not a list", "rules: allow\n", ":1:8", "want a list"},
		{"not a group", "- allow\n", ":1", "want keys with values"},
		{"anchor", "rules:\n  - allow: &a x\n", ":2", "want one value"},
		{"version", "version: 2\n", ":1:10", "not known"},
		{"relative root", "paths: {read: [data]}\n", ":1", "absolute path"},
		{"the whole disk", "paths: {write: [/tmp/..]}\n", ":1", "below /"},
		{"budget", "budget: {day: {lunches: 3}}\n", ":1:16", "did you mean launches?"},
		{"part of a launch", "budget: {day: {launches: 1.5}}\n", ":1", "whole number"},
		{"negative", "budget: {day: {seconds: -5}}\n", ":1", "no amount"},
		{"no YAML", "rules: [\n", ":1", ""},
		{"two documents", "rules: []\n---\nrules: []\n", ":3", "second document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := policy.Parse(name, []byte(c.policy))
			if err == nil {
				err = s.Check(catalogue())
			}
			if !errors.Is(err, policy.ErrInvalid) && c.name != "twice" || err == nil ||
				!strings.Contains(err.Error(), name+c.where) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s and %q", err, c.where, c.want)
			}
		})
	}
}

// store writes the two files, "" for none, and returns the policy of both.
func store(t *testing.T, workspace, settings string) *policy.Store {
	t.Helper()
	dir := t.TempDir()
	files := policy.Files(filepath.Join(dir, ".minivess"), filepath.Join(dir, "settings"))
	for i, text := range []string{workspace, settings} {
		if text == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(files[i].Path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[i].Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &policy.Store{Files: files, Catalogue: catalogue}
}

func rule(t *testing.T, s *policy.Store, name string) tools.Ruling {
	t.Helper()
	return s.Rule(t.Context(), tool(t, name), tools.Call{Tool: name, Args: json.RawMessage(`{}`)}, estimate)
}

func TestTheStricterFileWins(t *testing.T) {
	t.Parallel()
	allow, ask, deny := "rules: [{allow: run_tag}]\n", "rules: [{ask: run_tag}]\n", "rules: [{deny: run_tag, because: enough}]\n"
	for _, c := range []struct {
		workspace, settings string
		want                tools.Verdict
	}{
		{"", "", ""},
		{allow, "", tools.Allow},
		{"", allow, tools.Allow},
		{allow, ask, tools.Ask},
		{ask, allow, tools.Ask},
		{allow, deny, tools.Deny},
		{deny, allow, tools.Deny},
		{ask, deny, tools.Deny},
	} {
		if got := rule(t, store(t, c.workspace, c.settings), "run_tag"); got.Verdict != c.want {
			t.Errorf("%q and %q: %+v, want %s", c.workspace, c.settings, got, c.want)
		}
	}
	limits, err := store(t, "budget: {day: {launches: 5, seconds: 1h}}\n", "budget: {day: {launches: 3}, thread: {bytes: 1GB}}\n").Limits()
	if err != nil || *limits.Day.Launches != 3 || *limits.Day.Seconds != 3600 || *limits.Thread.Bytes != 1e9 {
		t.Errorf("%+v: %v", limits, err)
	}
}

func TestAPolicyThatCannotBeReadFailsClosed(t *testing.T) {
	t.Parallel()
	broken := map[string]*policy.Store{
		"a typo in the workspace's": store(t, "rules:\n  - allow: \"*\"\n  - deney: x\n", ""),
		"a typo in one's own":       store(t, "rules: [{allow: \"*\"}]\n", "rules:\n  - deney: x\n"),
	}
	folder, dangling := store(t, "", ""), store(t, "", "")
	if err := os.MkdirAll(folder.Files[0].Path, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(dangling.Files[0].Path), 0o750), os.Symlink("/nowhere/at/all", dangling.Files[0].Path)); err != nil {
		t.Fatal(err)
	}
	broken["a folder"], broken["a link to nowhere"] = folder, dangling
	for name, s := range broken {
		for _, d := range catalogue() {
			got := rule(t, s, d.Name)
			if d.Effect == tools.Read && got.Verdict != "" || d.Effect != tools.Read && (got.Verdict != tools.Deny || !strings.Contains(got.Reason, "policy.yaml")) {
				t.Errorf("%s: %s: %+v", name, d.Name, got)
			}
		}
		if _, err := s.Limits(); err == nil {
			t.Errorf("%s: limits are known", name)
		}
	}
	if got := rule(t, broken["a typo in the workspace's"], "run_tag"); !strings.Contains(got.Reason, ":3:5") {
		t.Errorf("the line is missing: %s", got.Reason)
	}
}

// What the manual shows is what this version reads.
func TestTheManualsExampleIsRead(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/how-to/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	s, err := policy.Parse(name, []byte(example))
	if err != nil || len(s.Rules) != 3 || s.Paths == nil || !s.Limits.Day.Set() || !s.Limits.Thread.Set() {
		t.Errorf("%+v, %v", s, err)
	}
}
