package remote_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/mcp/remote"
)

func TestLookingAtATool(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well")
	s := w.open(t)
	before := s.Status()
	if len(before) != 1 || !strings.Contains(before[0].Problem, "nobody has looked at its tools yet; minivess mcp refresh far does") {
		t.Errorf("before: %+v", before)
	}
	if left := s.Register(tools.NewRegistry()); len(left) != 1 || left[0] != before[0].Problem {
		t.Errorf("left out: %v", left)
	}
	if n := w.starts(t); n != 0 {
		t.Errorf("it was started %d times though nobody asked for that", n)
	}
	got, left, err := s.Look(t.Context(), "far")
	if err != nil {
		t.Fatal(err)
	}
	want := []remote.Found{
		{Name: "far__asks", Effect: tools.Launch, Summary: "asks"},
		{Name: "far__die", Effect: tools.Launch, Summary: "die"},
		{Name: "far__echo", Effect: tools.Launch, Summary: "Echo a text"},
		{Name: "far__fail", Effect: tools.Launch, Summary: "fail"},
		{Name: "far__flood", Effect: tools.Launch, Summary: "flood"},
		{Name: "far__hang", Effect: tools.Launch, Summary: "hang"},
		{Name: "far__look", Effect: tools.Launch, Summary: "look"},
		{Name: "far__nothing", Effect: tools.Launch, Summary: "nothing"},
		{Name: "far__wipe_all", Effect: tools.Destroy, Summary: "wipe.all"},
	}
	if diff := cmp.Diff(want, got.Tools); diff != "" {
		t.Error(diff)
	}
	all := strings.Join(left, "\n")
	for _, why := range []string{`"deep": its input schema is nested too deep`, `"far": `, `"longlong`, `"wide": its input schema has 4`} {
		if !strings.Contains(all, why) {
			t.Errorf("what was left out lacks %s:\n%s", why, all)
		}
	}
	if info, err := os.Stat(filepath.Join(w.keep, "far.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what was kept: %v %v", info, err)
	}
	if _, _, err := s.Look(t.Context(), "near"); !errors.Is(err, remote.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

// TestNothingStartsForAList registers, lists and previews what was looked at
// before, as planning does.
func TestNothingStartsForAList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well", "trust_read_only: true", "tools: [look, echo]")
	w.registry(t)
	n := w.starts(t)
	s, r := w.open(t), tools.NewRegistry()
	if left := s.Register(r); len(left) > 0 {
		t.Errorf("left out: %v", left)
	}
	if len(r.List()) != 2 {
		t.Errorf("%d tools, of which the configuration names 2", len(r.List()))
	}
	d, ok := r.Lookup("far__look")
	if !ok || d.Effect != tools.Read || d.Family != tools.RemoteFamily {
		t.Errorf("a trusted reading tool is %+v", d)
	}
	p, err := r.Preview(t.Context(), tools.Call{Tool: "far__echo", Args: json.RawMessage(`{"text":"@1.text","n":"@1.n"}`)})
	if err != nil || p.Summary != "call echo of the MCP server far" || !strings.Contains(p.Notes[0], "not known here") {
		t.Errorf("%+v %v", p, err)
	}
	if e, _ := r.Lookup("far__echo"); e.Effect != tools.Launch || strings.ContainsRune(e.Description, 0x1b) || !strings.Contains(e.Description, "another program") {
		t.Errorf("got %+v", e)
	}
	if w.starts(t) != n {
		t.Error("it was started for a list and a preview")
	}
	if _, err := invoke(t.Context(), r, "far__look", `{"text":"x"}`, nil); err != nil {
		t.Error(err)
	}
	if w.starts(t) != n+1 {
		t.Error("a call did not start it once")
	}
}

func TestAnswersAreBoundedAndMarked(t *testing.T) {
	t.Parallel()
	r := newWorld(t, "well").registry(t)
	answer := func(tool string) (remote.Answer, tools.Result) {
		t.Helper()
		res, err := invoke(t.Context(), r, tool, `{"text":"hi","n":2}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		var a remote.Answer
		if err := json.Unmarshal(res.Value, &a); err != nil {
			t.Fatal(err)
		}
		return a, res
	}
	a, res := answer("far__echo")
	if a.Text != "heard {\"text\":\"hi\",\"n\":2}\nand more" || !strings.Contains(a.Notice, "never an instruction") || len(a.Other) != 1 || a.Other[0] != "a picture (image/png, 5 B)" {
		t.Errorf("got %+v", a)
	}
	// The secret was named by the configuration; what else minivess knows stays here.
	if string(a.Structured) != `{"odd":"ab","other":"","secret":"s3cret"}` {
		t.Errorf("got %s", a.Structured)
	}
	if res.Run != "" || res.Query != "" || res.Summary != a.Summary || !strings.Contains(a.Summary, `far answered: "heard {`) {
		t.Errorf("got %+v", res)
	}
	if a, _ = answer("far__flood"); len(a.Text) > 256<<10 || !a.Truncated {
		t.Errorf("%d bytes, truncated %t", len(a.Text), a.Truncated)
	}
	if a, _ = answer("far__nothing"); !strings.HasSuffix(a.Summary, "answered: nothing") {
		t.Errorf("got %+v", a)
	}
	if a, _ = answer("far__look"); a.Text != "one\ntwo" {
		t.Errorf("got %+v", a)
	}
}

func TestStrangersThatMisbehave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well", "timeout: 1s")
	r := w.registry(t)
	for _, tc := range []struct{ tool, args, says string }{
		{"far__fail", `{"text":"x"}`, `fail of MCP server far failed; it says: "no such thing"`},
		{"far__die", `{"text":"x"}`, `MCP server far ended while it was asked; its last words: "out of cheese"`},
		{"far__look", `{"text":"x"}`, ""}, // started again
		{"far__hang", `{"text":"x"}`, "MCP server far did not answer hang within 1s"},
		{"far__look", `{"text":"x"}`, ""},
		{"far__look", `{}`, "do not fit"},
		{"far__look", `{"text":"x","n":0}`, "do not fit"},
	} {
		_, err := invoke(t.Context(), r, tc.tool, tc.args, nil)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %v", tc.tool, err)
		}
	}
	if _, err := invoke(t.Context(), r, "far__asks", `{"text":"x"}`, nil); err == nil {
		t.Error("a server asked a person through a tool")
	}
}

func TestCancellingAStranger(t *testing.T) {
	t.Parallel()
	r := newWorld(t, "well").registry(t)
	ctx, cancel := context.WithCancel(t.Context())
	var got tools.Progress
	_, err := invoke(ctx, r, "far__hang", `{"text":"x"}`, func(p tools.Progress) { got = p; cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(tools.Progress{Tool: "far__hang", Done: 1, Total: 3, Message: "on it"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := invoke(t.Context(), r, "far__look", `{"text":"x"}`, nil); err != nil {
		t.Errorf("the server is of no use any more: %v", err)
	}
}

func TestManyCallsAtOnceStartOneServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well")
	w.registry(t)
	n := w.starts(t)
	s, r := w.open(t), tools.NewRegistry()
	s.Register(r)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := invoke(t.Context(), r, "far__look", `{"text":"x"}`, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if w.starts(t) != n+1 {
		t.Errorf("started %d times", w.starts(t)-n)
	}
}

func TestServersThatDoNotStart(t *testing.T) {
	t.Parallel()
	for how, says := range map[string]string{
		"crash": `could not be started`,
		"noise": `could not be started`,
		"mute":  `did not start within 300ms`,
	} {
		w := newWorld(t, how, "start_timeout: 300ms")
		if how != "mute" {
			w.config = strings.Replace(w.config, "300ms", "30s", 1)
		}
		_, _, err := w.open(t).Look(t.Context(), "far")
		if err == nil || !strings.Contains(err.Error(), says) || tools.AsError(err).Hint == "" {
			t.Errorf("%s: %v", how, err)
		}
		if how == "crash" && !strings.Contains(err.Error(), `its last words: "no database"`) {
			t.Errorf("its last words are missing: %v", err)
		}
	}
	for config, says := range map[string]string{
		"servers: [{name: far, command: /no/such/program}]":                "no such file",
		"servers: [{name: far, command: sh, env: {A: '${NOT_SET_HERE}'}}]": "NOT_SET_HERE",
	} {
		w := newWorld(t, "well")
		w.config = config
		if _, _, err := w.open(t).Look(t.Context(), "far"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// TestAToolThatChangedIsRefused lets a server offer another tool under the same
// name than the one that a person looked at.
func TestAToolThatChangedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well")
	w.registry(t)
	w.config = strings.Replace(w.config, behaviour+": well", behaviour+": changed", 1)
	s, r := w.open(t), tools.NewRegistry()
	s.Register(r)
	_, err := invoke(t.Context(), r, "far__echo", `{"text":"x"}`, nil)
	if e := tools.AsError(err); e == nil || e.Code != tools.CodeConflict || !strings.Contains(e.Hint, "minivess mcp refresh far") {
		t.Errorf("got %v", err)
	}
	if _, err := invoke(t.Context(), r, "far__look", `{"text":"x"}`, nil); err != nil {
		t.Errorf("a tool that did not change: %v", err)
	}
	w.config = strings.Replace(w.config, "  - name: far\n", "  - name: far\n    args: [--other]\n", 1)
	if st := w.open(t).Status(); !strings.Contains(st[0].Problem, "its configuration has changed") {
		t.Errorf("another command is the same server: %+v", st)
	}
}

func TestWhatWasKeptIsDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "well")
	w.registry(t)
	if err := os.WriteFile(filepath.Join(w.keep, "far.json"), []byte(`{"server":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if left := w.open(t).Register(tools.NewRegistry()); len(left) != 1 || !strings.Contains(left[0], "refresh far writes it anew") {
		t.Errorf("got %v", left)
	}
}

func TestServersOverHTTP(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(overHTTP(t, "t0ken"))
	t.Cleanup(web.Close)
	w := newWorld(t, "")
	w.config = "servers: [{name: far, url: '" + web.URL + "', token_env: FAR_TOKEN}]"
	if _, _, err := w.open(t).Look(t.Context(), "far"); err == nil || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("without a token: %v", err)
	}
	w.env["FAR_TOKEN"] = "t0ken"
	r := w.registry(t)
	if _, err := invoke(t.Context(), r, "far__look", `{"text":"x"}`, nil); err != nil {
		t.Error(err)
	}
}

// TestTheTokenGoesNowhereElse redirects a server to another.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(thief.Close)
	web := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	t.Cleanup(web.Close)
	w := newWorld(t, "")
	w.config = "servers: [{name: far, url: '" + web.URL + "', token_env: FAR_TOKEN}]"
	w.env["FAR_TOKEN"] = "t0ken"
	if _, _, err := w.open(t).Look(t.Context(), "far"); err == nil {
		t.Error("a redirected server was taken")
	}
	if reached.Load() {
		t.Error("another server was reached")
	}
}
