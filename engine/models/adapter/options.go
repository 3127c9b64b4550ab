package adapter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/spelling"
)

// Decode fills dst, a pointer to a struct with json tags that holds the
// defaults, from options given by a configuration file or tool call. Unknown
// names and wrong types are refused with ErrOption.
func Decode(model string, options map[string]any, dst any) error {
	known, err := Encode(dst)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(options) {
		if _, ok := known[name]; !ok {
			hint := ""
			if near := Nearest(name, sortedKeys(known)); near != "" {
				hint = fmt.Sprintf("; did you mean %s?", near)
			}
			return fmt.Errorf("%w: %s has no option %q%s (it has %s)",
				ErrOption, model, name, hint, strings.Join(sortedKeys(known), ", "))
		}
	}
	text, err := json.Marshal(options)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOption, model, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(dst); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrOption, model, err)
	}
	return nil
}

// Encode turns an options struct into the form that Config carries.
func Encode(options any) (map[string]any, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return out, nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Nearest returns the candidate that a typing mistake most likely meant, or ""
// when none is near.
func Nearest(name string, candidates []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := spelling.Distance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}
