package planner

import (
	"encoding/json"
	"fmt"
	"strings"
)

// networkDetails renders what model_list found: the options of the networks
// that were named, else what each network is.
func networkDetails(value json.RawMessage, named map[string]bool) string {
	var v struct {
		Models []struct {
			Model   string `json:"model"`
			About   string `json:"about"`
			Options []struct {
				Name    string          `json:"name"`
				Default json.RawMessage `json:"default"`
				Doc     string          `json:"doc"`
			} `json:"options"`
		} `json:"models"`
	}
	if json.Unmarshal(value, &v) != nil {
		return ""
	}
	var about, options []string
	for _, m := range v.Models {
		about = append(about, fmt.Sprintf("%s: %s", clean(m.Model), clean(m.About)))
		if !named[m.Model] {
			continue
		}
		options = append(options, clean(m.Model)+", set with overrides as model.options.NAME=VALUE:")
		for _, o := range m.Options {
			options = append(options, fmt.Sprintf("  %s (%s): %s", clean(o.Name), clean(string(o.Default)), clean(o.Doc)))
		}
	}
	if len(options) > 0 {
		return strings.Join(options, "\n")
	}
	return strings.Join(about, "\n")
}

// modelsNamed are the networks that a text names.
func (lex *lexicon) modelsNamed(text string) map[string]bool {
	out := map[string]bool{}
	toks := lex.merge(tokenise(text))
	for i := range toks {
		if m := modelAt(lex, toks, i); m != "" {
			out[m] = true
		}
	}
	return out
}
