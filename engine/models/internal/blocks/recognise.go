package blocks

import (
	"fmt"
	"maps"

	"github.com/minivess/minivess/engine/nn"
)

// Fits reports whether the declared parameters have exactly these names and
// shapes.
func Fits(params []nn.Param, shapes map[string]nn.Shape) bool {
	if len(params) != len(shapes) {
		return false
	}
	for _, p := range params {
		if s, ok := shapes[p.Name]; !ok || !s.Equal(p.Shape) {
			return false
		}
	}
	return true
}

// Count returns how many of the names that the format makes of 0, 1, 2, … are
// there before the first that is not.
func Count(shapes map[string]nn.Shape, format string) int {
	n := 0
	for {
		if _, ok := shapes[fmt.Sprintf(format, n)]; !ok {
			return n
		}
		n++
	}
}

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
