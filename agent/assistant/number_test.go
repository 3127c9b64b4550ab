package assistant

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/tools"
)

func texts(text string) []string {
	var out []string
	for _, f := range figures(text) {
		out = append(out, f.text)
	}
	return out
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"Dice 0.86, clDice .91":                          {"0.86", "91"},
		"The test Dice is 0.861.":                        {"0.861"},
		"87 % or 87% or 87.5 %":                          {"87 %", "87 %", "87.5 %"},
		"HD95 is 1.9 µm, the 95th percentile":            {"1.9"},
		"run brisk-otter-7f3a of segresnet-8 on mv07":    nil,
		"raw/mv07.nii.gz and 07.nii.gz":                  nil,
		"on 2026-01-02, v1.2.3":                          {"2026", "01", "02"},
		"a 3D network, 2nd try":                          nil,
		"1,176,186 parameters":                           {"1,176,186"},
		"1.18 M parameters":                              {"1.18"},
		"learning rate 3e-4, then 1E-3":                  {"3e-4", "1E-3"},
		"1. first\n2. second\n10) tenth":                 nil,
		"loss -0.5, range 0.84–0.88 and 0.84-0.88":       {"0.5", "0.84", "0.88", "0.84", "0.88"},
		"96×96×48 at 0.7×0.7×2.0 µm":                     {"96", "96", "48", "0.7", "0.7", "2.0"},
		"volumes: 12, 34":                                {"12", "34"},
		"2 GB in 5s":                                     {"2", "5"},
		"epoch 40/100":                                   {"40", "100"},
		"42\u00a0volumes":                                {"42"},
		"sha256:00ff12 @2.run #3":                        nil,
		"":                                               nil,
		"9007199254740993 and 1e400 and 99999999999e999": {"9007199254740993", "1e400", "99999999999e999"},
	} {
		if got := texts(text); !slices.Equal(got, want) {
			t.Errorf("figures of %q: %q, want %q", text, got, want)
		}
	}
}

func TestStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		truth float64
		want  bool
	}{
		{"0.86", 0.8612, true},
		{"0.861", 0.8612, true},
		{"0.8612", 0.8612, true},
		{"0.87", 0.8612, false},
		{"0.862", 0.8612, false},
		{"0.9", 0.8612, true},
		{"1", 0.8612, false},
		{"86 %", 0.8612, true},
		{"86.1%", 0.8612, true},
		{"87 %", 0.8612, false},
		{"-0.86", 0.8612, false},
		{"1,176,186", 1176186, true},
		{"1.18 M", 1176186, true},
		{"1.19 M", 1176186, false},
		{"3e-4", 0.0003, true},
		{"0.0003", 0.0003, true},
		{"3e-4", 0.0004, false},
		{"400", 400, true},
		{"400", 401, false},
		{"0", 0, true},
	} {
		f := figures(c.text)
		if len(f) != 1 {
			t.Errorf("%q has %d figures", c.text, len(f))
			continue
		}
		if got := f[0].stands(truth(t, c.truth)); got != c.want {
			t.Errorf("%q for %v: %t, want %t", c.text, c.truth, got, c.want)
		}
	}
}

func TestRoundedNumbersAlwaysStand(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		truth := rapid.Float64Range(0.1, 0.99).Draw(t, "truth")
		digits := rapid.IntRange(2, 6).Draw(t, "digits")
		raw, err := json.Marshal(map[string]any{"rows": []any{[]any{"run-1", truth}}})
		if err != nil {
			t.Fatal(err)
		}
		text := "It is " + format(truth, digits) + "."
		for _, f := range figures(text) {
			if !f.standsIn(numbersIn(t, raw), nil) {
				t.Fatalf("%q does not stand for %v", text, truth)
			}
		}
		off := format(truth+0.011, digits)
		for _, f := range figures(off) {
			if f.stands(known{value: truth, base: truth}) {
				t.Fatalf("%q stands for %v", off, truth)
			}
		}
	})
}

// truth is a number as a tool's JSON has it.
func truth(t *testing.T, v float64) known {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return numbersIn(t, raw)[0]
}

type failer interface {
	Helper()
	Fatal(args ...any)
}

func numbersIn(t failer, raw json.RawMessage) []known {
	t.Helper()
	v, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	g := gatherer{}
	g.gather(v, place{})
	return g.out
}

func format(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }

func FuzzFigures(f *testing.F) {
	for _, s := range []string{"0.86 %", "1,000,000.5e-3 µm", "1.\n2)", "٣ 3٣", "1e", "-", "\xff9", "9" + strings.Repeat("0", 400)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, fig := range figures(s) {
			if fig.text == "" || !fig.word && !fig.foreign && !strings.ContainsAny(fig.text, "0123456789") {
				t.Errorf("figure %q of %q", fig.text, s)
			}
			fig.stands(known{value: 0.5, base: 0.5})
		}
	})
}

func FuzzResolve(f *testing.F) {
	f.Add(`{"run":"@1.run","list":["@1.rows.0.dice",2.50]}`)
	f.Add(`{"run":"@9.run"}`)
	f.Add(`"@1.rows.-1"`)
	f.Add(`{`)
	results := map[string]*tools.Result{"1": {Tool: "look", Run: "run-1", Value: json.RawMessage(`{"rows":[{"dice":0.5}],"run":null}`)}}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := resolve(json.RawMessage(s), results)
		if err != nil {
			return
		}
		again, err := resolve(out, results)
		if err != nil || string(again) != string(out) {
			t.Errorf("%s resolves to %s and that to %s, %v", s, out, again, err)
		}
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	results := map[string]*tools.Result{
		"1": {Tool: "make", Summary: "made", Value: json.RawMessage(`{"dataset":{"name":"demo","n":10},"rows":[{"id":"a<b"}],"big":12345678901234567890}`)},
		"2": {Tool: "train", Run: "run-2", Query: "select 1", Value: json.RawMessage(`{"run":"of the tool"}`)},
		"3": {Tool: "train", Run: "run-3", Value: json.RawMessage(`{}`)},
	}
	for args, want := range map[string]string{
		`{"a":"@1.dataset.name"}`:        `{"a":"demo"}`,
		`{"a":"@1.dataset.n","b":1.50}`:  `{"a":10,"b":1.50}`,
		`{"a":"@1.dataset"}`:             `{"a":{"n":10,"name":"demo"}}`,
		`{"a":["@1.rows.0.id","x@1.b"]}`: `{"a":["a<b","x@1.b"]}`,
		`{"a":"@1.big"}`:                 `{"a":12345678901234567890}`,
		`{"a":"@2.run","b":"@3.run"}`:    `{"a":"of the tool","b":"run-3"}`,
		`{"a":"@1.summary @2.query"}`:    `{"a":"@1.summary @2.query"}`,
		`{"a":"@2.query"}`:               `{"a":"select 1"}`,
		`{"mail":"a@b.c"}`:               `{"mail":"a@b.c"}`,
	} {
		got, err := resolve(json.RawMessage(args), results)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", args, got, err, want)
		}
	}
	for args, says := range map[string]string{
		`{"a":"@4.run"}`:        "step 4 has no result",
		`{"a":"@1.run"}`:        "the result of make has no run",
		`{"a":"@1.rows.1.id"}`:  "has no rows.1.id",
		`{"a":"@1.rows.x"}`:     "has no rows.x",
		`{"a":"@1.big.digits"}`: "has no big.digits",
	} {
		if _, err := resolve(json.RawMessage(args), results); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v; want %q", args, err, says)
		}
	}
}
