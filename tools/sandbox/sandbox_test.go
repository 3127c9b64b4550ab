package sandbox_test

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/sandbox"
)

// world is a disk with a project and things outside of it.
type world struct {
	dir   string
	roots sandbox.Roots
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := world{dir: dir, roots: sandbox.Roots{
		Project: filepath.Join(dir, "project"), Workspace: filepath.Join(dir, "project/.minivess"), Working: filepath.Join(dir, "project/work"),
		Grants: []sandbox.Grant{{Read: []string{filepath.Join(dir, "data")}, Write: []string{filepath.Join(dir, "out")}}},
	}}
	for _, folder := range []string{
		"project/work", "project/.minivess/runs/r1/artifacts", "project/.minivess/runs/r1/checkpoints", "project/.minivess/threads",
		"project/.minivess/datasets/demo", "project/.minivess/traces", "data/cortex", "out", "private",
	} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{
		"project/work/vol.nii.gz", "project/.minivess/audit.jsonl", "project/.minivess/policy.yaml", "project/.minivess/runs/r1/job.json",
		"project/.minivess/runs/r1/artifacts/m.onnx", "project/.minivess/threads/t.jsonl", "private/key", "data/cortex/a.nii",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"project/work/away": "../../private", "project/work/key": filepath.Join(dir, "private/key"), "project/work/trail": "../.minivess/audit.jsonl",
		"project/work/round": "round", "project/work/nowhere": "gone", "project/work/near": "vol.nii.gz", "data/cortex/away": "/etc", "project/work/kernel": "/proc/self",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w world) path(p string) string { return strings.ReplaceAll(p, "~", w.dir) }

// How a path is to be judged.
const (
	inside    = "inside"
	outside   = "outside"
	forbidden = "forbidden"
)

func TestLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pipe, err := net.Listen("unix", filepath.Join(w.dir, "project/work/socket"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	for _, c := range []struct{ path, read, write string }{
		{"vol.nii.gz", inside, inside},
		{"new/deep/file.html", inside, inside},
		{"near", inside, inside},
		{"../work/./vol.nii.gz", inside, inside},
		{"../../private/key", outside, outside},
		{"away/key", outside, outside},
		{"away/../../private/key", forbidden, forbidden},
		{"key", outside, outside},
		{"~/projectile", outside, outside},
		{"/", outside, outside},
		{"~/data/cortex", inside, outside},
		{"~/data/cortex/away/passwd", outside, outside},
		{"~/out/x.onnx", inside, inside},
		{"trail", forbidden, forbidden},
		{"round", forbidden, forbidden},
		{"nowhere", forbidden, forbidden},
		{"nowhere/deeper", forbidden, forbidden},
		{"kernel/environ", forbidden, forbidden},
		{"socket", forbidden, forbidden},
		{"vol.nii.gz/below a file", forbidden, forbidden},
		{"a\x00b", forbidden, forbidden},
		{"/proc/self/environ", forbidden, forbidden},
		{"/dev/null", forbidden, forbidden},
		{"/sys/kernel", forbidden, forbidden},
		{"~/project/.minivess", forbidden, forbidden},
		{"~/project/.minivess/audit.jsonl", forbidden, forbidden},
		{"~/project/.minivess/policy.yaml", forbidden, forbidden},
		{"~/project/.minivess/new.yaml", forbidden, forbidden},
		{"~/project/.minivess/threads/t.jsonl", forbidden, forbidden},
		{"~/project/.minivess/threads", forbidden, forbidden},
		{"~/project/.minivess/runs/r1/job.json", forbidden, forbidden},
		{"~/project/.minivess/runs/r1", forbidden, forbidden},
		{"~/project/.minivess/runs/r1/artifacts/m.onnx", inside, inside},
		{"~/project/.minivess/runs/r1/artifacts/x.jsonl", forbidden, forbidden},
		{"~/project/.minivess/runs/r1/artifacts/../job.json", forbidden, forbidden},
		{"~/project/.minivess/datasets/demo", inside, inside},
	} {
		for write, want := range map[bool]string{false: c.read, true: c.write} {
			p, err := w.roots.Look(w.path(c.path), write)
			got := outside
			switch {
			case errors.Is(err, sandbox.ErrForbidden):
				got = forbidden
			case err != nil:
				got = err.Error()
			case p.Inside:
				got = inside
			}
			if got != want {
				t.Errorf("%q, write %t: %s, want %s (%+v, %v)", c.path, write, got, want, p, err)
			}
		}
	}
}

func TestTheRootOfTheDiskIsNoRoot(t *testing.T) {
	t.Parallel()
	r := sandbox.Roots{Working: "/", Grants: []sandbox.Grant{{Read: []string{"/"}}}}
	if p, err := r.Look("/etc/passwd", false); err != nil || p.Inside {
		t.Errorf("%+v, %v", p, err)
	}
	for _, working := range []string{"", "."} {
		if _, err := (sandbox.Roots{Working: working}).Look("x", false); !errors.Is(err, sandbox.ErrForbidden) {
			t.Error(err)
		}
	}
}

func TestEveryPolicyHasToGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.roots.Grants = append(w.roots.Grants, sandbox.Grant{Read: []string{filepath.Join(w.dir, "private")}})
	for _, path := range []string{"~/data/cortex", "~/private/key", "~/out"} {
		if p, err := w.roots.Look(w.path(path), false); err != nil || p.Inside {
			t.Errorf("%s: %+v, %v", path, p, err)
		}
	}
}

// No way to write a path with dots and links makes something outside inside.
func TestNoSpellingLeadsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.roots.Grants = nil
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"..", ".", "work", "away", "key", "project", "private", ".minivess", "runs", "trail", "near", "kernel", "data", "new"})
		path := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "/")
		p, err := w.roots.Look(path, rapid.Bool().Draw(t, "write"))
		if err != nil || !p.Inside {
			return
		}
		target, err := filepath.EvalSymlinks(filepath.Join(w.roots.Working, path))
		if err != nil {
			return // not there yet
		}
		if target != w.roots.Project && !strings.HasPrefix(target, w.roots.Project+"/") || strings.HasSuffix(target, "audit.jsonl") {
			t.Fatalf("%q is %q", path, target)
		}
	})
}

// mover has every kind of path argument.
func mover(effect tools.Effect) tools.Descriptor {
	text := func(format string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Format: format} }
	return tools.Descriptor{Name: "move", Family: "test", Effect: effect, Input: &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{
		"from": text(tools.FormatRead), "to": text(tools.FormatWrite), "why": text(""),
		"set": {Type: "array", Items: text(tools.FormatSettings)},
	}}}
}

func TestRuler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := sandbox.Ruler{Roots: func() (sandbox.Roots, error) { return w.roots, nil }}
	for _, c := range []struct {
		name, args string
		source     tools.Source
		want       tools.Verdict
		person     bool
		says       string
	}{
		{"nothing", `{}`, tools.SourceModel, "", false, ""},
		{"inside", `{"from":"vol.nii.gz","to":"out.nii.gz"}`, tools.SourceModel, "", false, ""},
		{"a name and no file", `{"from":"best:dice"}`, tools.SourceModel, "", false, ""},
		{"a reference", `{"from":"@1.run","to":"@2.path"}`, tools.SourceModel, "", false, ""},
		{"text that is no path", `{"why":"/etc/passwd"}`, tools.SourceModel, "", false, ""},
		{"a model reads outside", `{"from":"~/private/key"}`, tools.SourceModel, tools.Ask, true, "outside the project"},
		{"a link that leads outside", `{"from":"key"}`, tools.SourceModel, tools.Ask, true, "private/key"},
		{"another program reads outside", `{"from":"~/private/key"}`, tools.SourceMCP, tools.Ask, true, "outside the project"},
		{"nobody knows who", `{"from":"~/private/key"}`, "", tools.Ask, true, "outside the project"},
		{"a person said it in a sentence", `{"from":"~/private/key"}`, tools.SourcePlanner, tools.Ask, false, "outside the project"},
		{"a person typed it", `{"from":"~/private/key"}`, tools.SourceCLI, "", false, "outside the project"},
		{"the kernel's, though typed", `{"from":"/proc/self/environ"}`, tools.SourceCLI, tools.Deny, false, "operating system"},
		{"the trail", `{"to":"~/project/.minivess/audit.jsonl"}`, tools.SourceCLI, tools.Deny, false, "records"},
		{"writing outside", `{"to":"~/private/x"}`, tools.SourceCLI, tools.Deny, false, "outside the project"},
		{"writing through a link", `{"to":"away/x"}`, tools.SourceModel, tools.Deny, false, "outside the project"},
		{"a setting that names a file", `{"set":["train.epochs=3","init.from=~/private/key"]}`, tools.SourceModel, tools.Ask, true, "set[1]"},
		{"both", `{"from":"~/private/key","to":"~/private/x"}`, tools.SourceModel, tools.Deny, false, "to:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: c.source})
			call := tools.Call{Tool: "move", Args: json.RawMessage(w.path(c.args))}
			for _, effect := range []tools.Effect{tools.Read, tools.Write} {
				got := s.Rule(ctx, mover(effect), call, func() (tools.Preview, error) { return tools.Preview{}, errors.New("not known") })
				said := got.Reason + strings.Join(got.Notes, " ")
				if got.Verdict != c.want || got.Verdict == tools.Ask && got.Person != c.person || !strings.Contains(said, c.says) {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}

// What a preview resolves is judged like what was sent, and so is what it
// says that it writes.
func TestThePreviewIsJudgedToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := sandbox.Ruler{Roots: func() (sandbox.Roots, error) { return w.roots, nil }}
	ctx := tools.WithOrigin(t.Context(), tools.Origin{Source: tools.SourceModel})
	for name, p := range map[string]tools.Preview{
		"argument": {Args: json.RawMessage(w.path(`{"to":"~/private/x"}`))},
		"writes":   {Writes: []string{w.path("~/private/x")}},
	} {
		got := s.Rule(ctx, mover(tools.Write), tools.Call{Tool: "move", Args: json.RawMessage(`{}`)}, func() (tools.Preview, error) { return p, nil })
		if got.Verdict != tools.Deny {
			t.Errorf("%s: %+v", name, got)
		}
	}
	own := tools.Preview{Writes: []string{w.path("~/project/.minivess/datasets.jsonl"), w.path("~/project/.minivess/runs/<run>")}}
	if got := s.Rule(ctx, mover(tools.Write), tools.Call{Tool: "move"}, func() (tools.Preview, error) { return own, nil }); got.Verdict != "" {
		t.Errorf("a tool's own records: %+v", got)
	}
}

func TestWithoutRootsNothingOutsideIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := sandbox.Ruler{Roots: func() (sandbox.Roots, error) { return w.roots, errors.New("the policy has a typo") }}
	call := tools.Call{Tool: "move", Args: json.RawMessage(w.path(`{"to":"~/out/x"}`))}
	if got := s.Rule(t.Context(), mover(tools.Write), call, func() (tools.Preview, error) { return tools.Preview{}, nil }); got.Verdict != tools.Deny {
		t.Errorf("%+v", got)
	}
}
