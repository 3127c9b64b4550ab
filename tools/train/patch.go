package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/tools"
)

// fitPatch makes a patch that nobody chose fit the network, and refuses one
// that somebody did.
func fitPatch(r *config.Resolved, divisor [3]int) error {
	e := &r.Experiment
	if r.Sources["train.patch_size"] == config.DefaultSource {
		if size := nearestFit(e.Train.PatchSize, divisor); size != e.Train.PatchSize {
			e.Train.PatchSize = size
			r.Sources["train.patch_size"] = fmt.Sprintf("made to fit multiples of %s", tools.Extent(divisor))
		}
	}
	for _, given := range []struct {
		key  string
		size [3]int
	}{{"train.patch_size", e.Train.PatchSize}, {"infer.window", e.WindowSize()}} {
		if nearestFit(given.size, divisor) == given.size {
			continue
		}
		fit := nearestFit(given.size, divisor)
		return tools.Errorf(tools.CodeBadArguments, "%s cannot take patches of %s (%s): each side must be a multiple of %s",
			e.Model.Name, tools.Extent(given.size), given.key, tools.Extent(divisor)).
			WithHint("[%d,%d,%d] would fit", fit[0], fit[1], fit[2])
	}
	return nil
}

// nearestFit is the size, each side a multiple of the divisor, whose volume is
// nearest to the one given. Of equals it is the flattest along z, as most
// volumes are.
func nearestFit(size, divisor [3]int) [3]int {
	choices := func(i int) []int {
		below, d := size[i]/divisor[i]*divisor[i], divisor[i]
		switch below {
		case size[i]:
			return []int{below}
		case 0:
			return []int{d}
		default:
			return []int{below + d, below}
		}
	}
	flat := choices(2)
	slices.Sort(flat)
	want := math.Log(float64(size[0]) * float64(size[1]) * float64(size[2]))
	var best [3]int
	least := math.Inf(1)
	for _, x := range choices(0) {
		for _, y := range choices(1) {
			for _, z := range flat {
				const rounding = 1e-9
				if off := math.Abs(math.Log(float64(x)*float64(y)*float64(z)) - want); off < least-rounding {
					best, least = [3]int{x, y, z}, off
				}
			}
		}
	}
	return best
}
