package blocks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parseChoice reads a layer as MONAI's configurations write it: its name in any
// case, or a pair of the name and its arguments, which are decoded into args.
// Arguments that args does not know are refused.
func parseChoice(text []byte, args any) (name string, err error) {
	if err := json.Unmarshal(text, &name); err == nil {
		return strings.ToLower(name), nil
	}
	var pair []json.RawMessage
	if err := json.Unmarshal(text, &pair); err != nil || len(pair) < 1 || len(pair) > 2 {
		return "", fmt.Errorf("%.80q must be a name or a pair [name, {arguments}]", text)
	}
	if err := json.Unmarshal(pair[0], &name); err != nil {
		return "", fmt.Errorf("%.80q must start with a name", text)
	}
	if len(pair) == 2 {
		d := json.NewDecoder(bytes.NewReader(pair[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(args); err != nil {
			return "", fmt.Errorf("arguments of %q: %w", name, err)
		}
	}
	return strings.ToLower(name), nil
}

// formatChoice is the inverse: the name alone when there are no arguments.
func formatChoice(name string, args map[string]any) ([]byte, error) {
	if len(args) == 0 {
		return json.Marshal(name)
	}
	return json.Marshal([]any{name, args})
}

// oneOf refuses a name that is not among those known.
func oneOf(what, name string, known ...string) error {
	if slices.Contains(known, name) {
		return nil
	}
	return fmt.Errorf("%s is %q, must be %s or %s", what, name,
		strings.Join(known[:len(known)-1], ", "), known[len(known)-1])
}
