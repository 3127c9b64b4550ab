package planner

import (
	"slices"
	"strings"

	"github.com/minivess/minivess/tools"
)

// exampleFrames makes frames for tools that the tables do not know: from the
// words of their names and of their examples.
func exampleFrames(descriptors []tools.Descriptor, have []frame) []frame {
	known := map[string]bool{}
	for _, f := range have {
		known[f.intent] = true
	}
	everyday := map[string]bool{}
	for w := range strings.FieldsSeq(commonWords() + " " + slotWords()) {
		everyday[w] = true
	}
	var out []frame
	for _, d := range descriptors {
		if known[d.Name] {
			continue
		}
		parts := strings.Split(d.Name, "_")
		f := frame{intent: d.Name, cues: []cue{{9, strings.Join(parts, " * ")}, {9, d.Name}}}
		if n := len(parts); n == 2 {
			f.cues = append(f.cues, cue{9, parts[1] + " * " + parts[0]})
		}
		for _, part := range parts {
			if !everyday[part] {
				f.cues = append(f.cues, cue{6, forms(part)})
			}
		}
		for _, e := range d.Examples {
			var words []string
			for _, t := range tokenise(e.Say) {
				value := strings.Contains(string(e.Args), t.word)
				if t.kind == tWord && len(t.word) > 3 && !value && !everyday[t.word] && !isRunID(t.word) && !strings.ContainsAny(t.word, "|{}*^=") && len(words) < 2 {
					words = append(words, forms(t.word))
				}
			}
			if len(words) > 0 {
				f.cues = append(f.cues, cue{float64(3 + 2*len(words)), strings.Join(words, " * ")})
			}
		}
		out = append(out, f)
	}
	return out
}

// forms lists a word as it may be inflected, as alternatives of a cue.
func forms(w string) string {
	base := stem(w)
	out := []string{w}
	for _, other := range []string{base, strings.TrimSuffix(base, "e")} {
		if len(other) > 2 && !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	return strings.Join(out, "|")
}
