package memory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/tools"
)

// Default is an argument that a preference stands for: where a call of Tool
// leaves Arg out, Value is meant.
type Default struct {
	Tool, Arg string
	Value     json.RawMessage
	Item      Item
}

// Defaults reads the arguments out of the preferences, by the tools' own
// schemas: "fold 0", "batch size 2", "20 epochs", or one of the values that an
// argument takes. Tools that only read or that destroy get none. Of two entries
// about one argument the later counts; facts are no defaults, and neither is
// what somebody never wants.
func Defaults(items []Item, catalogue []tools.Descriptor) []Default {
	var out []Default
	for _, item := range items {
		words := wordsOf(item.Text)
		if item.Kind != Preference || slices.Contains(words, "never") || slices.Contains(words, "not") || slices.Contains(words, "don't") {
			continue
		}
		for _, d := range catalogue {
			if d.Input == nil || d.Effect != tools.Write && d.Effect != tools.Launch || !meant(words, d, catalogue) {
				continue
			}
			for arg, schema := range d.Input.Properties {
				if v, ok := valueOf(words, arg, schema); ok {
					out = slices.DeleteFunc(out, func(known Default) bool { return known.Tool == d.Name && known.Arg == arg })
					out = append(out, Default{Tool: d.Name, Arg: arg, Value: v, Item: item})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Default) int { return strings.Compare(a.Tool+" "+a.Arg, b.Tool+" "+b.Arg) })
	return out
}

// verbs are words that limit a preference to one kind of work.
func verbs() map[string]string {
	return map[string]string{
		"train": "train", "training": "train", "trainings": "train",
		"evaluate": "evaluate", "evaluation": "evaluate", "evaluations": "evaluate", "score": "evaluate",
		"predict": "predict", "prediction": "predict", "export": "export", "exports": "export", "split": "split",
	}
}

// meant says whether a preference may be about a tool: if it names a kind of
// work that some tool does, only about such tools.
func meant(words []string, d tools.Descriptor, catalogue []tools.Descriptor) bool {
	for _, w := range words {
		kind, ok := verbs()[w]
		known := slices.ContainsFunc(catalogue, func(o tools.Descriptor) bool { return strings.Contains(o.Name, kind) })
		if ok && known && !strings.Contains(d.Name, kind) {
			return false
		}
	}
	return true
}

// synonyms are other words for arguments and for values of arguments without a
// list of their own.
func synonyms(arg string) []string {
	return map[string][]string{
		"learning_rate": {"lr"}, "batch_size": {"batch", "batches"}, "patch_size": {"patch", "patches"},
		"max_steps": {"steps"}, "precision": {"arithmetic"}, "folds": nil,
	}[arg]
}

// spelt are the values that words stand for, by argument.
func spelt(arg, word string) (string, bool) {
	v, ok := map[string]map[string]string{
		"precision": {"bfloat16": "bfloat16", "bf16": "bfloat16", "float32": "float32", "fp32": "float32", "f32": "float32"},
		"optimizer": {"adamw": "adamw", "adam": "adam", "sgd": "sgd"},
	}[arg][word]
	return v, ok
}

// valueOf finds what the words say of one argument.
func valueOf(words []string, arg string, s *jsonschema.Schema) (json.RawMessage, bool) {
	switch s.Type {
	case "string":
		for _, w := range words {
			if v, ok := spelt(arg, w); ok {
				return quoted(v), true
			}
			for _, e := range s.Enum {
				if v, ok := e.(string); ok && len(v) > 2 && strings.EqualFold(v, w) && !ordinary(v) {
					return quoted(v), true
				}
			}
		}
	case "boolean":
		if i := named(words, strings.Split(arg, "_")); i >= 0 && strings.Contains(arg, "_") {
			off := i > 0 && slices.Contains([]string{"no", "without"}, words[i-1])
			return json.RawMessage(strconv.FormatBool(!off)), true
		}
	case "integer", "number":
		return numberBeside(words, arg, s)
	case "array":
		if n, ok := numberBeside(words, arg, &jsonschema.Schema{Type: "integer"}); ok && s.Items != nil && s.Items.Type == "integer" && s.MinItems != nil && *s.MinItems == 3 {
			return json.RawMessage(fmt.Sprintf("[%[1]s,%[1]s,%[1]s]", n)), true
		}
	}
	return nil, false
}

// ordinary are values that are also everyday words, and so no sign of an
// argument: "test" in "fold 0 as test".
func ordinary(v string) bool {
	return slices.Contains([]string{"test", "train", "val", "none", "local", "all", "pairs"}, v)
}

// numberBeside finds the number right after the argument's name ("fold 0",
// "batch size of 2") or right before it ("20 epochs").
func numberBeside(words []string, arg string, s *jsonschema.Schema) (json.RawMessage, bool) {
	names := [][]string{strings.Split(arg, "_")}
	for _, other := range synonyms(arg) {
		names = append(names, []string{other})
	}
	for _, name := range names {
		i := named(words, name)
		if i < 0 {
			continue
		}
		after := i + len(name)
		for after < len(words) && slices.Contains([]string{"of", "to", "size", "is", "number"}, words[after]) {
			after++
		}
		for _, at := range []int{after, i - 1} {
			if at >= 0 && at < len(words) {
				if n, ok := number(words[at], s); ok {
					return n, true
				}
			}
		}
	}
	return nil, false
}

func number(word string, s *jsonschema.Schema) (json.RawMessage, bool) {
	f, err := strconv.ParseFloat(word, 64)
	if err != nil || f != f || s.Minimum != nil && f < *s.Minimum || s.Maximum != nil && f > *s.Maximum {
		return nil, false
	}
	if s.Type == "integer" && f != float64(int64(f)) {
		return nil, false
	}
	raw, err := json.Marshal(f)
	return raw, err == nil
}

// named is where the words of a name stand, one after another; -1 if nowhere.
func named(words, name []string) int {
	for i := 0; i+len(name) <= len(words); i++ {
		if slices.Equal(words[i:i+len(name)], name) {
			return i
		}
	}
	return -1
}

func quoted(s string) json.RawMessage {
	return json.RawMessage(strconv.Quote(s))
}
