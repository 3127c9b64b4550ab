package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/sandbox"
)

// facts are what is known of one call.
type facts struct {
	tool    tools.Descriptor
	source  tools.Source
	given   map[string]any // the arguments as they were sent
	files   map[string]bool
	preview func() (*shown, bool)
}

// shown is what a call's preview tells.
type shown struct {
	args map[string]any
	cost tools.Cost
}

func factsOf(ctx context.Context, d tools.Descriptor, c tools.Call, preview func() (tools.Preview, error)) *facts {
	f := &facts{tool: d, source: tools.OriginFrom(ctx).Source, given: decode(c.Args), files: map[string]bool{}}
	if d.Input != nil {
		for key, p := range d.Input.Properties {
			if p != nil && p.Items != nil {
				p = p.Items
			}
			f.files[key] = p != nil && (p.Format == tools.FormatRead || p.Format == tools.FormatWrite)
		}
	}
	var seen *shown
	asked := false
	f.preview = func() (*shown, bool) {
		if !asked {
			asked = true
			if p, err := preview(); err == nil {
				seen = &shown{args: decode(p.Args), cost: p.Cost}
			}
		}
		return seen, seen != nil
	}
	return f
}

// decode reads arguments; what is no object has none.
func decode(raw json.RawMessage) map[string]any {
	var out map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		return nil
	}
	return out
}

// Judge rules on a call by one sheet: the strictest rule that fits, and of
// those alike the first.
func (s *Sheet) Judge(ctx context.Context, d tools.Descriptor, c tools.Call, preview func() (tools.Preview, error)) tools.Ruling {
	return s.judge(factsOf(ctx, d, c, preview))
}

func (s *Sheet) judge(f *facts) tools.Ruling {
	var out tools.Ruling
	for _, r := range s.Rules {
		if r.fits(f) {
			out = tools.Stricter(out, tools.Ruling{
				Verdict: r.Verdict, By: r.By(), Reason: r.reason(), Person: r.Verdict == tools.Ask,
			})
		}
	}
	return out
}

// fits reports whether the rule is about the call. What is not known makes a
// deny or an ask fit, and an allow not.
func (r Rule) fits(f *facts) bool {
	ordinary := slices.Contains([]tools.Effect{tools.Read, tools.Write, tools.Launch}, f.tool.Effect)
	if r.Verdict == tools.Allow && !ordinary {
		return false
	}
	if !r.Tools.fit(f.tool.Name) || !r.Family.fit(f.tool.Family) || len(r.Effects) > 0 && !slices.Contains(r.Effects, f.tool.Effect) {
		return false
	}
	if len(r.Sources) > 0 && !r.enough(r.ofSource(f)) {
		return false
	}
	for _, c := range r.Args {
		if !r.enough(f.argument(c)) {
			return false
		}
	}
	for _, c := range r.Cost {
		if !r.enough(f.cost(c)) {
			return false
		}
	}
	return true
}

// enough says whether a condition that holds for some and for all of a value
// is enough for the rule.
func (r Rule) enough(some, all truth) bool {
	if r.Verdict == tools.Allow {
		return all == yes
	}
	return some != no
}

func (r Rule) ofSource(f *facts) (some, all truth) {
	t := known(slices.Contains(r.Sources, f.source))
	if f.source == "" {
		t = unknown
	}
	return t, t
}

// argument judges a condition by the argument as it was sent and by what the
// preview makes of it: defaults filled in, names and settings resolved.
func (f *facts) argument(c condition) (some, all truth) {
	some, all = no, yes
	sent, ok := lookup(f.given, c.key)
	if ok {
		some, all = c.holds(f.spell(c.key, sent))
	}
	p, previewed := f.preview()
	if !previewed {
		if !ok {
			some = unknown
		}
		return some, min(all, unknown)
	}
	value, there := lookup(p.args, c.key)
	switch {
	case there:
		s, a := c.holds(f.spell(c.key, value))
		return max(some, s), min(all, a)
	case ok:
		return some, all
	case c.op != "": // left to a default that nobody shows
		return unknown, unknown
	}
	return no, no
}

// spell gives a path all its spellings, the real one last, so that neither ..
// nor a link hides from a rule what it is about.
func (f *facts) spell(key string, value any) any {
	if !f.files[key] {
		return value
	}
	if list, ok := value.([]any); ok {
		out := make([]any, len(list))
		for i, v := range list {
			out[i] = f.spell(key, v)
		}
		return out
	}
	text, ok := value.(string)
	if !ok || strings.HasPrefix(text, "@") {
		return value
	}
	abs, err := filepath.Abs(text)
	if err != nil {
		return value
	}
	out := spellings{text, abs}
	if target, err := sandbox.Resolve(abs); err == nil {
		out = append(out, target)
	}
	return out
}

func lookup(args map[string]any, key string) (any, bool) {
	if v, ok := args[key]; ok {
		return v, v != nil
	}
	head, rest, dotted := strings.Cut(key, ".")
	inner, ok := args[head].(map[string]any)
	if !dotted || !ok {
		return nil, false
	}
	return lookup(inner, rest)
}

// cost judges a condition by the preview's estimate. A launch that nobody
// estimated is unknown, not free.
func (f *facts) cost(c condition) (some, all truth) {
	p, ok := f.preview()
	if !ok {
		return unknown, unknown
	}
	launches := f.tool.Effect == tools.Launch
	value := map[string]float64{
		"seconds": p.cost.Seconds, "bytes": float64(p.cost.DiskBytes), "memory": float64(p.cost.MemoryBytes),
	}[c.key]
	if c.key == "gpu_hours" && launches { // a job holds its one device while it runs
		value = p.cost.Seconds / 3600
	}
	if math.IsNaN(value) || launches && value == 0 && p.cost.Basis == "" {
		return unknown, unknown
	}
	t := known(c.compare(value))
	return t, t
}
