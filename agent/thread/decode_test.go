package thread

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/engine/journal"
)

// FuzzDecode holds the short way against encoding/json: what that takes, the
// short way reads the same or leaves to it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"step","run":1,"step":2,"node":"a","writes":[{"field":"f","value":{"a":"}\"\\"}},{"field":"g","value":null}],"next":["b"]}`,
		`{"kind":"note","run":10,"step":0,"node":"act","key":"k","value":[1,{"a":[]},"]"]}`,
		`{"kind":"input","run":1,"step":0,"writes":[{"field":"n","value":1.5e3}],"next":["a","b"],"next":["c"]}`,
		`{"kind":"snapshot","run":1,"step":0,"before":7}`, `{"kind":"a","kind":"b\u00e9"}`,
		`{"kind":"step","run":-1,"step":01}`, `{"writes":[]}`, `{}`, `null`, ` {"kind":"x"}`, `{"kind":"x"`, `{"value":"a\"`,
		`{"writes":[{"field":"a","value":{}}],"writes":[{"value":1}]}`, `{"Kind":"x"}`, `{"key":"a","value":12345678901}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want graph.Record
		if json.Unmarshal(data, &want) != nil {
			_, _ = decode(journal.Record{Data: data}) // must not panic
			return
		}
		got, err := decode(journal.Record{Data: data})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

func TestDecodeTakesTheShortWayForWhatIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Map(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String())), func(v map[string][]string) json.RawMessage {
			raw, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			return raw
		})
		name := rapid.StringMatching(`[a-z/\[\]0-9]{1,9}`)
		want := graph.Record{
			Kind: graph.KindStep, Run: rapid.IntRange(0, 1e6).Draw(t, "run"), Step: rapid.IntRange(0, 500).Draw(t, "step"),
			Node: name.Draw(t, "node"), Path: name.Draw(t, "path"), Key: name.Draw(t, "key"), Value: value.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "writes") {
			want.Writes = append(want.Writes, graph.Change{Field: name.Draw(t, "field"), Value: value.Draw(t, "written")})
			want.Next = append(want.Next, name.Draw(t, "next"))
		}
		raw, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got graph.Record
		c := cursor{rest: raw}
		c.record(&got)
		if diff := cmp.Diff(want, got); diff != "" || c.lost || len(c.rest) > 0 {
			t.Fatalf("lost %v, %d bytes left\n%s", c.lost, len(c.rest), diff)
		}
	})
}
