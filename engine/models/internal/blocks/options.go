package blocks

import (
	"fmt"
	"maps"
)

// Renamed returns the options with other names for an option replaced by the
// one that the model knows. An option given twice is refused.
func Renamed(options map[string]any, names map[string]string) (map[string]any, error) {
	out := maps.Clone(options)
	for other, name := range names {
		value, ok := out[other]
		if !ok {
			continue
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%s is another name of %s: give one of them", other, name)
		}
		delete(out, other)
		out[name] = value
	}
	return out, nil
}

// CheckCounts refuses a level with no block or with very many.
func CheckCounts(option string, counts []int) error {
	const most = 64
	for _, n := range counts {
		if n < 1 || n > most {
			return fmt.Errorf("%s: %d blocks at one level, must be 1 to %d", option, n, most)
		}
	}
	return nil
}
