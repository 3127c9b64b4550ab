package strictyaml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/minivess/minivess/engine/strictyaml"
)

// shelf is something to decode into.
type shelf struct {
	Name  string `yaml:"name"`
	Books []book `yaml:"books"`
}

type book struct {
	Title string `yaml:"title"`
	Pages int    `yaml:"pages"`
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"nothing":                 {"", ""},
		"comments":                {"# nothing\n", ""},
		"everything":              {"name: a\nbooks:\n  - {title: b, pages: 3}\n", ""},
		"an alias":                {"books:\n  - &a {title: b}\n  - *a\n", ""},
		"an empty one behind":     {"name: a\n---\n", ""},
		"an unknown key":          {"name: a\nbook: []\n", `f.yaml:2:1: unknown field "book"`},
		"an unknown key below":    {"books:\n  - titel: a\n", `f.yaml:2:5: unknown field "titel"`},
		"a key twice":             {"name: a\nname: b\n", `f.yaml:2:1: mapping key "name" already defined`},
		"text for a number":       {"books: [{pages: many}]\n", "f.yaml:1:17: "},
		"a second document":       {"name: a\n---\nname: b\n", "f.yaml:3:5: a second document"},
		"no YAML":                 {"books: [\n", "f.yaml:1:"},
		"a panic of the parser's": {"!!binary x: [\x00", "f.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s shelf
			_, bad := strictyaml.Decode("f.yaml", []byte(c.text), &s)
			if (bad != nil) != (c.says != "") {
				t.Fatalf("got %v, want %q", bad, c.says)
			}
			if bad != nil && !strings.HasPrefix(bad.Error(), c.says) {
				t.Errorf("got %q, want %q", bad, c.says)
			}
		})
	}
}

func TestDecodeGivesTheCauseAndThePlaces(t *testing.T) {
	t.Parallel()
	var s shelf
	f, bad := strictyaml.Decode("f.yaml", []byte("name: a\nbooks:\n  - {title: b, pages: 3}\n"), &s)
	if bad != nil {
		t.Fatal(bad)
	}
	for path, want := range map[string]string{
		"$.name": "f.yaml:1:7", "$.books[0].pages": "f.yaml:3:23", "$.nobody": "f.yaml", "no path": "f.yaml",
	} {
		if got := f.Place(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := (strictyaml.File{Name: "environment"}).Place("$.name"); got != "environment" {
		t.Errorf("without a file: %q", got)
	}
	_, bad = strictyaml.Decode("f.yaml", []byte("nam: a\n"), &s)
	if unknown, ok := errors.AsType[*yaml.UnknownFieldError](bad); !ok || unknown.Token.Value != "nam" {
		t.Errorf("the cause is lost: %v", bad)
	}
	bad.Hint = "did you mean name?"
	if got := bad.Error(); got != "f.yaml:1:1: unknown field \"nam\"\n  did you mean name?" {
		t.Errorf("got %q", got)
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ keys, says string }{
		"":                            {},
		"a: 1\nb: 2\n":                {keys: "a f.yaml:1:1 b f.yaml:2:1"},
		"a: 1\n":                      {keys: "a f.yaml:1:1"},
		"[1]":                         {keys: "none"},
		"a: 1\n---\nb: 2\n":           {keys: "a f.yaml:1:1", says: "f.yaml:3:2: a second document; keep one in a file"},
		"a: [":                        {says: "f.yaml:1:4: "},
		"panic: 1\n":                  {keys: "panic f.yaml:1:1", says: "f.yaml: not readable as YAML: oh"},
		"a: 1\n---\n---\nc: 1\n":      {keys: "a f.yaml:1:1", says: "f.yaml:3:1: a second document"},
		"---\n---\nc: 1\n":            {says: "f.yaml:2:1: a second document"},
		"a: 1\n---\n# the end\n...\n": {keys: "a f.yaml:1:1"},
	} {
		var keys []string
		bad := strictyaml.Walk("f.yaml", []byte(text), func(doc ast.Node) {
			pairs, ok := strictyaml.Pairs(doc)
			if !ok {
				keys = append(keys, "none")
			}
			for _, p := range pairs {
				keys = append(keys, p.Key.String(), strictyaml.Place("f.yaml", p.Key))
			}
			if strings.HasPrefix(text, "panic") {
				panic("oh")
			}
		})
		if got := strings.Join(keys, " "); got != want.keys {
			t.Errorf("%q: keys %q, want %q", text, got, want.keys)
		}
		if (bad != nil) != (want.says != "") || bad != nil && !strings.HasPrefix(bad.Error(), want.says) {
			t.Errorf("%q: got %v, want %q", text, bad, want.says)
		}
	}
	if got := strictyaml.Place("f.yaml", nil); got != "f.yaml" {
		t.Errorf("no node: %q", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"name: a\nbooks: [{title: b, pages: 3}]", "- &x {name: a}\n- *x\n", "!!binary x: [\x00", "a: 1\n---\nb: 2", "<<: [*a]", "? [", "%YAML 1.2\n---\n|"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s shelf
		if _, bad := strictyaml.Decode("f.yaml", raw, &s); bad != nil && !strings.HasPrefix(bad.Error(), "f.yaml:") {
			t.Errorf("%q does not say where", bad)
		}
		seen := false
		if bad := strictyaml.Walk("f.yaml", raw, func(ast.Node) { seen = true }); bad != nil && !strings.HasPrefix(bad.Error(), "f.yaml:") || bad == nil && seen && len(raw) == 0 {
			t.Errorf("%v, visited %v", bad, seen)
		}
	})
}
