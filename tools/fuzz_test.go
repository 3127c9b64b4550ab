package tools_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/minivess/minivess/tools"
)

// FuzzArguments: whatever a model writes, a call is either understood or
// refused as bad_arguments, and what a preview fills in is accepted again.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{hall, `{"room":"@1.room"}`, `{"room":"hall","size":[1,2,3],"marks":{"a":1}}`, `{"room":null}`, `[]`, `{"room":"hall","coats":2.0}`, `{"":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		r := newPaint(t, &paint{effect: tools.Read})
		p, err := r.Preview(t.Context(), tools.Call{Tool: "paint", Args: json.RawMessage(args)})
		if err != nil {
			if e := tools.AsError(err); e.Code != tools.CodeBadArguments || e.Message == "" {
				t.Fatalf("%q: %+v", args, e)
			}
			return
		}
		again, err := r.Preview(t.Context(), tools.Call{Tool: "paint", Args: p.Args})
		if err != nil || string(again.Args) != string(p.Args) {
			t.Fatalf("%q: %s became %s, %v", args, p.Args, again.Args, err)
		}
	})
}

// FuzzPrompt: a prompt is either refused or gives a summary of one line.
func FuzzPrompt(f *testing.F) {
	for _, s := range []string{paintDoc, "x", "", "# \n", "a\n## Examples\n- b\n`{}`\n", "a\r\n## Examples"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		r := tools.NewRegistry()
		if err := tools.Register(r, &paint{effect: tools.Read, doc: "\n" + doc}); err != nil {
			return
		}
		if d := r.List()[0]; d.Summary == "" || strings.Contains(d.Summary, "\n") {
			t.Fatalf("summary %q", d.Summary)
		}
	})
}
