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

// MostChannels bounds the channels of a feature map.
const MostChannels = 4096

// CheckChannels refuses an option that says how many channels there are, if
// that makes no sense.
func CheckChannels(option string, n int) error {
	if n < 1 || n > MostChannels {
		return fmt.Errorf("%s is %d, must be 1 to %d", option, n, MostChannels)
	}
	return nil
}

// CheckDropout refuses what is no probability, and 1, with which nothing is
// left.
func CheckDropout(p float64) error {
	if !(p >= 0 && p < 1) { // NaN too
		return fmt.Errorf("dropout is %g, must be at least 0 and below 1", p)
	}
	return nil
}
