package price

import (
	"math"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	t.Parallel()
	table, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		d, err := time.Parse(day, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		provider, model, on string
		input               float64
		known               bool
	}{
		{"anthropic", "claude-sonnet-4-5", "2026-11-23", 3, true},
		{"anthropic", "claude-sonnet-4-5-20250929", "2026-11-23", 3, true},
		{"anthropic", "claude-sonnet-4-5-latest", "2026-11-23", 3, true},
		{"openai", "gpt-5.1-2025-11-13", "2026-11-23", 1.25, true},
		{"openai", "gpt-5-nano", "2026-11-23", 0.05, true},
		{"openai", "gpt-5.1-realtime", "2026-11-23", 0, false},     // another model, though its name begins alike
		{"openrouter", "gpt-5.1", "2026-11-23", 0, false},          // another service
		{"anthropic", "claude-sonnet-4-5", "2024-01-01", 0, false}, // before there was one
		{"openai", "qwen3:8b", "2026-11-23", 0, false},
	} {
		p, known := table.Find(c.provider, c.model, at(c.on))
		if known != c.known || p.Input != c.input {
			t.Errorf("%s %s on %s: %+v %t", c.provider, c.model, c.on, p, known)
		}
	}
	changed, err := parse([]byte(`prices:
  - {provider: p, model: m, from: 2026-01-01, until: 2026-06-01, checked: 2026-01-01, input: 1, output: 2}
  - {provider: p, model: m, from: 2026-06-01, checked: 2026-06-01, input: 4, output: 8}
`))
	if err != nil {
		t.Fatal(err)
	}
	for on, want := range map[string]float64{"2026-05-31": 1, "2026-06-01": 4} {
		if p, ok := changed.Find("p", "m", at(on)); !ok || p.Input != want {
			t.Errorf("on %s: %+v", on, p)
		}
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	p := Price{Input: 3, Output: 15, CacheRead: 0.3, CacheWritten: 3.75}
	// 1,000 fresh, 2,000 read, 400 written, 500 out.
	if got, want := p.Cost(3400, 500, 2000, 400), (1000*3+2000*0.3+400*3.75+500*15)/1e6; math.Abs(got-want) > 1e-12 {
		t.Errorf("cost %g, want %g", got, want)
	}
	if p.Free() || !(Price{}).Free() {
		t.Error("what is free is not")
	}
}

func TestTablesThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"no date":      "prices:\n  - {provider: p, model: m, checked: 2026-01-01, input: 1, output: 2}\n",
		"unknown key":  "prices:\n  - {provider: p, model: m, from: 2026-01-01, checked: 2026-01-01, inputs: 1}\n",
		"negative":     "prices:\n  - {provider: p, model: m, from: 2026-01-01, checked: 2026-01-01, input: 1, output: -2}\n",
		"free by slip": "prices:\n  - {provider: p, model: m, from: 2026-01-01, checked: 2026-01-01, output: 2}\n",
	} {
		if _, err := parse([]byte(raw)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
