package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

// paint is a tool made for these tests: it has one argument of every kind.
type paintIn struct {
	Room   string         `json:"room" jsonschema:"the room to paint"`
	Colour string         `json:"colour,omitempty" jsonschema:"the colour" enum:"red,green,blue" default:"green"`
	Coats  int            `json:"coats,omitempty" jsonschema:"number of coats" default:"2" minimum:"1" maximum:"5"`
	Share  float64        `json:"share,omitempty" jsonschema:"share of the wall" minimum:"0" maximum:"1"`
	Size   *[3]int        `json:"size,omitempty" jsonschema:"size in pixels"`
	Wet    bool           `json:"wet,omitempty" jsonschema:"paint on wet ground"`
	Words  []string       `json:"words,omitempty" jsonschema:"words to paint"`
	Marks  map[string]int `json:"marks,omitempty" jsonschema:"marks by name"`
}

type paintOut struct {
	tools.Line
	Run   string  `json:"run"`
	Query string  `json:"query"`
	In    paintIn `json:"in"`
}

const paintDoc = `# Paint a room

Paints the walls, not the floor.

## Examples

- paint the hall red
  ` + "`{\"room\":\"hall\",\"colour\":\"red\"}`" + `
- paint the room that step 1 built
  ` + "`{\"room\":\"@1.room\",\"coats\":\"@1.coats\"}`" + `
`

type paint struct {
	effect tools.Effect
	doc    string
	did    int
	fail   error
	hook   func(context.Context)
}

func (p *paint) Spec() tools.Spec {
	doc := p.doc
	if doc == "" {
		doc = paintDoc
	}
	return tools.Spec{Name: "paint", Family: "house", Effect: p.effect, Doc: doc}
}

func (p *paint) Preview(context.Context, paintIn) (tools.Preview, error) {
	return tools.Preview{Summary: "paint"}, p.fail
}

func (p *paint) Run(ctx context.Context, in paintIn, emit func(tools.Progress)) (paintOut, error) {
	if p.hook != nil {
		p.hook(ctx)
	}
	if p.fail != nil {
		return paintOut{}, p.fail
	}
	p.did++
	emit(tools.Progress{Done: 1, Total: 1})
	return paintOut{Line: tools.Line{Summary: "painted " + in.Room}, Run: "brisk-otter-7f3a", Query: "select 1", In: in}, nil
}

func newPaint(t *testing.T, p *paint, gates ...tools.Gate) *tools.Registry {
	t.Helper()
	r := tools.NewRegistry(gates...)
	if err := tools.Register(r, p); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, args, message, hint string }{
		{"unknown", `{"room":"hall","color":"red"}`, `unknown argument "color"`, "did you mean colour?"},
		{"unknown and far", `{"room":"hall","zzzzzzzz":1}`, `unknown argument "zzzzzzzz"`, "known arguments: coats, colour"},
		{"missing", `{}`, "the argument room is missing", "the room to paint"},
		{"nothing", ``, "the argument room is missing", ""},
		{"null is missing", `{"room":null}`, "the argument room is missing", ""},
		{"text for number", `{"room":"hall","coats":"three"}`, `coats must be a whole number, not the text "three"`, "number of coats"},
		{"fraction for integer", `{"room":"hall","coats":1.5}`, "coats must be a whole number, not the number 1.5", ""},
		{"number for text", `{"room":7}`, "room must be text, not the number 7", ""},
		{"too small", `{"room":"hall","coats":0}`, "coats must be at least 1, not 0", ""},
		{"too large", `{"room":"hall","coats":9}`, "coats must be at most 5, not 9", ""},
		{"enum", `{"room":"hall","colour":"gren"}`, `colour must be one of red, green, blue, not "gren" (did you mean green?)`, ""},
		{"short list", `{"room":"hall","size":[1,2]}`, "size must have 3 numbers, not 2", ""},
		{"item", `{"room":"hall","size":[1,2,"x"]}`, `size[2] must be a whole number, not the text "x"`, ""},
		{"list for text", `{"room":["hall"]}`, "room must be text, not a list", ""},
		{"map value", `{"room":"hall","marks":{"a":"b"}}`, `marks.a must be a whole number`, ""},
		{"truth", `{"room":"hall","wet":"yes"}`, `wet must be true or false, not the text "yes"`, ""},
		{"not an object", `["hall"]`, "the arguments must be a JSON object, not a list", ""},
		{"not JSON", `{"room":`, "the arguments are not JSON", ""},
		{"two values", `{"room":"hall"} {"room":"attic"}`, "the arguments are not JSON", ""},
		{"a reference left in", `{"room":"hall","coats":"@1.coats"}`, `coats must be a whole number`, ""},
		{"huge number", `{"room":"hall","share":1e999}`, "number 1e999 is out of range", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newPaint(t, &paint{effect: tools.Read})
			_, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(c.args)}, nil)
			var e *tools.Error
			if !errors.As(err, &e) || e.Code != tools.CodeBadArguments {
				t.Fatalf("got %v, want bad_arguments", err)
			}
			if !strings.Contains(e.Message, c.message) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %q, hint %q", e.Message, e.Hint)
			}
		})
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	t.Parallel()
	r := newPaint(t, &paint{effect: tools.Read})
	for args, want := range map[string]string{
		`{"room":"hall"}`: `{"room":"hall","colour":"green","coats":2}`,
		`{"room":"hall","coats":3.0,"colour":null}`:              `{"room":"hall","colour":"green","coats":3}`,
		`{"room":"@1.room","coats":"@1.coats","size":"@1.size"}`: `{"room":"@1.room","colour":"green","coats":2}`,
	} {
		p, err := r.Preview(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(args)})
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if string(p.Args) != want {
			t.Errorf("%s: got %s, want %s", args, p.Args, want)
		}
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	r := newPaint(t, &paint{effect: tools.Read})
	var seen []tools.Progress
	res, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(`{"room":"hall"}`)},
		func(p tools.Progress) { seen = append(seen, p) })
	if err != nil {
		t.Fatal(err)
	}
	if res.Summary != "painted hall" || res.Run != "brisk-otter-7f3a" || res.Query != "select 1" || res.Tool != "paint" {
		t.Errorf("got %+v", res)
	}
	if diff := cmp.Diff([]tools.Progress{{Tool: "paint", Done: 1, Total: 1}}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownTool(t *testing.T) {
	t.Parallel()
	r := newPaint(t, &paint{effect: tools.Read})
	_, err := r.Invoke(t.Context(), tools.Call{Tool: "pant"}, nil)
	e := tools.AsError(err)
	if e.Code != tools.CodeUnknownTool || e.Hint != "did you mean paint?" || tools.ExitCode(err) != tools.ExitUsage {
		t.Errorf("got %+v", e)
	}
	if _, err := r.Preview(t.Context(), tools.Call{Tool: "pant"}); tools.AsError(err).Code != tools.CodeUnknownTool {
		t.Errorf("preview: got %v", err)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	r := newPaint(t, &paint{effect: tools.Read, hook: func(context.Context) { panic("brush broke") }})
	_, err := r.Invoke(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(`{"room":"hall"}`)}, nil)
	if e := tools.AsError(err); e == nil || e.Code != tools.CodeFailed || !strings.Contains(e.Message, "brush broke") {
		t.Errorf("got %v", err)
	}
}

func TestDescriptor(t *testing.T) {
	t.Parallel()
	r := newPaint(t, &paint{effect: tools.Write})
	d, ok := r.Lookup("paint")
	if !ok || d.Summary != "Paint a room" || len(d.Examples) != 2 || d.Effect != tools.Write || d.Family != "house" {
		t.Fatalf("got %+v", d)
	}
	if strings.Contains(d.Description, "Examples") || !strings.Contains(d.Description, "not the floor") {
		t.Errorf("description: %q", d.Description)
	}
	if d.Examples[0].Say != "paint the hall red" || string(d.Examples[0].Args) != `{"room":"hall","colour":"red"}` {
		t.Errorf("example: %+v", d.Examples[0])
	}
	golden(t, "paint.json", d)
}

func TestRegisterRejects(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*paint{
		"unknown effect":               {effect: "ponder"},
		"no first line":                {effect: tools.Read, doc: "\n\n## Examples\n"},
		"has no arguments":             {effect: tools.Read, doc: "x\n\n## Examples\n- paint\n"},
		"not JSON":                     {effect: tools.Read, doc: "x\n\n## Examples\n- paint\n  `{`\n"},
		"unknown argument":             {effect: tools.Read, doc: "x\n\n## Examples\n- paint\n  `{\"rom\":\"hall\"}`\n"},
		"neither an utterance":         {effect: tools.Read, doc: "x\n\n## Examples\npaint\n"},
		"the argument room is missing": {effect: tools.Read, doc: "x\n\n## Examples\n- paint\n  `{}`\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tools.Register(tools.NewRegistry(), p)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
	r := newPaint(t, &paint{effect: tools.Read})
	if err := tools.Register(r, &paint{effect: tools.Read}); err == nil {
		t.Error("a second tool of one name was accepted")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is on fire")
	e := tools.Errorf(tools.CodeFailed, "cannot paint: %w", cause).WithHint("call %s", "112").WithCandidates("a", "b")
	if !errors.Is(e, cause) || e.Error() != "cannot paint: the disk is on fire\n  call 112" {
		t.Errorf("got %v", e)
	}
	if tools.AsError(nil) != nil || tools.AsError(cause).Code != tools.CodeFailed || !errors.Is(tools.AsError(cause), cause) {
		t.Error("AsError loses its error")
	}
	for code, exit := range map[tools.Code]int{
		tools.CodeBadArguments: 2, tools.CodeUnknownTool: 2, tools.CodeAmbiguous: 2, tools.CodeNeedsApproval: 3,
		tools.CodeNotFound: 4, tools.CodeRefused: 5, tools.CodeConflict: 1, tools.CodeFailed: 1, "new": 1,
	} {
		if got := tools.ExitCode(tools.Errorf(code, "x")); got != exit {
			t.Errorf("%s: exit %d, want %d", code, got, exit)
		}
	}
	if tools.ExitCode(nil) != 0 {
		t.Error("no error must exit 0")
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	same := []string{`{"a":1,"b":[1.50,true]}`, `{ "b" : [1.5, true], "a" : 1.0 }`, `{"b":[15e-1,true],"a":1e0}`}
	for _, s := range same[1:] {
		if tools.Fingerprint("t", json.RawMessage(s)) != tools.Fingerprint("t", json.RawMessage(same[0])) {
			t.Errorf("%s differs from %s", s, same[0])
		}
	}
	if tools.Fingerprint("t", nil) != tools.Fingerprint("t", json.RawMessage(`{}`)) {
		t.Error("no arguments differ from an empty object")
	}
	seen := map[string]string{}
	for _, c := range [][2]string{
		{"t", `{}`},
		{"u", `{}`},
		{"t", `{"a":1}`},
		{"t", `{"a":"1"}`},
		{"t", `{"a":[1]}`},
		{"t", `{"a":null}`},
		{"t", `{"a":9007199254740993}`},
		{"t", `{"a":9007199254740992}`},
		{"t", `{`},
		{"t", `{"a":1}{}`},
		{"t", `{"a":1e400}`},
		{"t", `{"a":"<"}`},
		{"t", `{"a":"\u0000"}`},
	} {
		f := tools.Fingerprint(c[0], json.RawMessage(c[1]))
		if other, ok := seen[f]; ok {
			t.Errorf("%v collides with %s", c, other)
		}
		seen[f] = c[0] + c[1]
	}
}

func TestCanonicalJSONIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.MapOf(rapid.String(), rapid.Float64Range(-1e300, 1e300)).Draw(t, "v")
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		once, err := tools.CanonicalJSON(raw)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := tools.CanonicalJSON(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%s became %s (%v)", once, twice, err)
		}
		var back map[string]float64
		if err := json.Unmarshal(once, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(v, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzCanonicalJSON(f *testing.F) {
	for _, s := range []string{``, `{}`, `{"a":[1,2.5e3,"x",null,true]}`, `[`, `-0`, `1e309`, `"\ud800"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := tools.CanonicalJSON(raw)
		if err != nil {
			return
		}
		twice, err := tools.CanonicalJSON(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%q became %q, then %q (%v)", raw, once, twice, err)
		}
	})
}

func TestParseRef(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][3]any{
		"@1.run":       {"1", "run", true},
		"@step2.a.b":   {"step2", "a.b", true},
		"@1":           {"", "", false},
		"1.run":        {"", "", false},
		"@.run":        {"", "", false},
		"@1.":          {"", "", false},
		"@me . please": {"", "", false},
	} {
		id, field, ok := tools.ParseRef(s)
		if ok != want[2] || (ok && (id != want[0] || field != want[1])) {
			t.Errorf("%q: got %q %q %t", s, id, field, ok)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"segresnet", "swinunetr", "toy", "epochs"}
	for word, want := range map[string]string{
		"segresnte": "segresnet", "SegResNet": "segresnet", "swinuntr": "swinunetr", "toi": "toy", "lathe": "", "": "", "epoch": "epochs",
	} {
		if got := tools.Nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
