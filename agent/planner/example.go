package planner

import (
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
				f.cues = append(f.cues, cue{6, part})
			}
		}
		for _, e := range d.Examples {
			var words []string
			for _, t := range tokenise(e.Say) {
				if t.kind == tWord && len(t.word) > 3 && !everyday[t.word] && !isRunID(t.word) && !strings.ContainsAny(t.word, "|{}*^=") && len(words) < 2 {
					words = append(words, t.stem)
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
