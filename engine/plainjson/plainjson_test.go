package plainjson_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/minivess/minivess/engine/plainjson"
)

func TestMarshal(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"sql":"dice > 0.5 & lr < 1","x":"line\nend"}`: map[string]any{"sql": "dice > 0.5 & lr < 1", "x": "line\nend"},
		`null`:             nil,
		`[1e-3,1.50]`:      []json.Number{"1e-3", "1.50"},
		`"ends in space "`: "ends in space ",
	} {
		got, err := plainjson.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%v: got %s, %v; want %s", v, got, err, want)
		}
	}
	if got, err := plainjson.Marshal(func() {}); err == nil {
		t.Errorf("a function is %s", got)
	}
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]error{
		`{"seed":12345678901234567890123, "rate":1e-3}`: nil,
		" [1]\n":  nil,
		`{} {}`:   plainjson.ErrTrailing,
		`{} }`:    plainjson.ErrTrailing,
		`1 trail`: plainjson.ErrTrailing,
	} {
		var v any
		if err := plainjson.Unmarshal([]byte(raw), &v); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", raw, err, want)
		}
	}
	for _, raw := range []string{"", "{", "words"} {
		var v any
		if err := plainjson.Unmarshal([]byte(raw), &v); err == nil || errors.Is(err, plainjson.ErrTrailing) {
			t.Errorf("%q: %v, read as %v", raw, err, v)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{`{"seed":12345678901234567890123,"sql":"<&>"}`, `[1.50,1e400]`, "\"\xff\"", `{}{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v, again any
		if plainjson.Unmarshal(raw, &v) != nil {
			return
		}
		out, err := plainjson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := plainjson.Unmarshal(out, &again); err != nil {
			t.Fatalf("%s was written as %s: %v", raw, out, err)
		}
		if twice, err := plainjson.Marshal(again); err != nil || string(twice) != string(out) {
			t.Errorf("%s, then %s", out, twice)
		}
	})
}
