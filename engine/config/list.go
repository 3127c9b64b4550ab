package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// words reads a list of text: a list, or "a,b" as a command line gives it.
func words(value any) ([]string, bool) {
	var parts []any
	switch x := value.(type) {
	case []any:
		parts = x
	case text:
		list, ok := jsonList(string(x))
		if !ok {
			return commas(string(x)), true
		}
		parts = list
	case string:
		return []string{x}, true
	default:
		return nil, false
	}
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case text:
			all = append(all, strings.TrimSpace(string(p)))
		default:
			return nil, false
		}
	}
	return all, true
}

// jsonList reads a list as JSON writes it.
func jsonList(s string) (list []any, ok bool) {
	err := json.Unmarshal([]byte(s), &list)
	return list, err == nil && list != nil
}

// commas splits "a, b" and "[a, b]"; nothing gives none.
func commas(s string) []string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	var all []string
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// setGroups reads parameter groups: a list of them, each a group of keys or
// "pattern:scale:decay", or such text with commas between.
func setGroups(field *[]Group, value any) error {
	var parts []any
	switch x := value.(type) {
	case []any:
		parts = x
	case text, string:
		list, ok := jsonList(fmt.Sprint(x))
		if parts = list; ok {
			break
		}
		for _, p := range commas(fmt.Sprint(x)) {
			parts = append(parts, text(p))
		}
	default:
		return fmt.Errorf("want groups such as encoder*:0.1, got %s", describe(value))
	}
	groups := make([]Group, len(parts))
	for i, p := range parts {
		var err error
		if groups[i], err = oneGroup(p); err != nil {
			return err
		}
	}
	*field = slices.Clip(groups)
	if len(groups) == 0 {
		*field = nil
	}
	return nil
}

func oneGroup(value any) (Group, error) {
	g := Group{LearningRateScale: 1}
	switch x := value.(type) {
	case text, string:
		return shortGroup(fmt.Sprint(x))
	case map[string]any:
		for key, v := range x {
			if err := g.set(key, v); err != nil {
				return g, err
			}
		}
		return g, nil
	default:
		return g, fmt.Errorf("want a group such as encoder*:0.1, got %s", describe(value))
	}
}

// shortGroup reads "pattern:scale" or "pattern:scale:decay".
func shortGroup(s string) (Group, error) {
	pattern, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Group{}, fmt.Errorf("%q is not pattern:scale; for example encoder*:0.1", s)
	}
	g := Group{Pattern: strings.TrimSpace(pattern)}
	scale, decay, more := strings.Cut(rest, ":")
	if err := g.set("learning_rate_scale", text(scale)); err != nil {
		return g, fmt.Errorf("%q: %w", s, err)
	}
	if more {
		if err := g.set("weight_decay", text(decay)); err != nil {
			return g, fmt.Errorf("%q: %w", s, err)
		}
	}
	return g, nil
}

// set gives a group's key its value.
func (g *Group) set(key string, value any) error {
	switch key {
	case "pattern":
		switch p := value.(type) {
		case string:
			g.Pattern = p
		case text:
			g.Pattern = string(p)
		default:
			return fmt.Errorf("pattern: want text, got %s", describe(value))
		}
		return nil
	case "learning_rate_scale", "weight_decay":
		f, ok := float(value)
		if !ok {
			return fmt.Errorf("%s: want a number, got %s", key, describe(value))
		}
		if key == "weight_decay" {
			g.WeightDecay = &f
		} else {
			g.LearningRateScale = f
		}
		return nil
	default:
		names := []string{"pattern", "learning_rate_scale", "weight_decay"}
		hint := "a group has " + strings.Join(names, ", ")
		if near := nearest(key, names); len(near) > 0 {
			hint = "did you mean " + near[0] + "?"
		}
		return fmt.Errorf("unknown key %q in a group; %s", key, hint)
	}
}
