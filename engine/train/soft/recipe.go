package soft

import "runtime"

// Recipe is what a training's loss is made of. Dice and cross-entropy are
// libtorch's business, Terms this package's; each counts with its weight.
type Recipe struct {
	Dice, CrossEntropy float64
	Terms              []Term
}

// Term is one soft loss, the mean over patches and foreground classes.
type Term struct {
	Name   string
	Weight float64
	Loss   Loss
}

// boundaryWeight is that with which Kervadec et al. begin.
const boundaryWeight = 0.01

// Of gives the recipe of a loss by its name in a configuration:
//
//	dice, ce, dice_ce   Dice, cross-entropy, or their sum
//	cldice              ½·Dice + ½·clDice, as Shit et al. 2021 with α = ½
//	dice_ce_cldice      Dice + cross-entropy + clDice
//	cbdice_cldice       Dice + cross-entropy + ½·cbDice + ½·clDice, after Shi et al. 2024
//	dice_ce_boundary    Dice + cross-entropy + 0.01·boundary loss, after Kervadec et al. 2019
//
// Dice is 1 − (2·Σpy + ε)/(Σp + Σy + ε) with ε = 1e-5, a mean like the terms',
// which on masks of 0 and 1 is 1 less the metric dice.
func Of(name string) (Recipe, bool) {
	centreline := Term{Name: "cldice", Weight: 1, Loss: ClDice}
	half := Term{Name: "cldice", Weight: 0.5, Loss: ClDice}
	switch name {
	case "dice":
		return Recipe{Dice: 1}, true
	case "ce":
		return Recipe{CrossEntropy: 1}, true
	case "dice_ce":
		return Recipe{Dice: 1, CrossEntropy: 1}, true
	case "cldice":
		return Recipe{Dice: 0.5, Terms: []Term{half}}, true
	case "dice_ce_cldice":
		return Recipe{1, 1, []Term{centreline}}, true
	case "cbdice_cldice":
		return Recipe{1, 1, []Term{{Name: "cbdice", Weight: 0.5, Loss: CbDice}, half}}, true
	case "dice_ce_boundary":
		return Recipe{1, 1, []Term{{Name: "boundary", Weight: boundaryWeight, Loss: Boundary}}}, true
	default:
		return Recipe{}, false
	}
}

// Bytes estimates what the terms take beside the tensors, for a batch of patches
// of several classes, background included: copies of probabilities, labels and
// gradients, and for each patch at work what its skeletons need.
func (r Recipe) Bytes(batch, classes int, patch [3]int) int64 {
	if len(r.Terms) == 0 {
		return 0
	}
	voxels := int64(patch[0]) * int64(patch[1]) * int64(patch[2])
	const arrays = 2*(Iterations+2) + 14 // of one patch and class
	side := min(runtime.GOMAXPROCS(0), batch*(classes-1))
	return 4*voxels*3*int64(batch)*int64(classes) + 4*voxels*arrays*int64(side)
}
