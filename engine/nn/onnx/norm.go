package onnx

import "github.com/minivess/minivess/engine/nn"

// scaleAndBias returns a normalisation's parameters, or ones and zeros.
func (g *graph) scaleAndBias(in []string, shape nn.Shape) (scale, bias string) {
	if len(in) == 3 {
		return in[1], in[2]
	}
	ones := make([]float32, shape.Elements())
	for i := range ones {
		ones[i] = 1
	}
	return g.floats(shape, ones), g.floats(shape, make([]float32, len(ones)))
}

// groupNorm normalises groups of channels by their mean and variance; as many
// groups as channels make it an instance normalisation.
//
// ONNX Runtime's InstanceNormalization adds all voxels of a channel up one after
// another in float32, and so loses four digits at 96³. Here each plane is summed by
// itself and then the planes' means, which is as accurate as libtorch is.
func (g *graph) groupNorm(shape nn.Shape, groups int, eps float64, in []string, out string) {
	x, column := in[0], channelColumn(len(shape))
	planes := planeAxes(len(shape))
	mean := g.groupMean(g.step("ReduceMean", []string{x}, planes), shape[1], groups, column)
	centred := g.step("Sub", []string{x, mean})
	squares := g.step("ReduceSumSquare", []string{centred}, planes)
	variance := g.groupMean(g.step("Div", []string{squares, g.planeSize(x, len(shape))}), shape[1], groups, column)
	deviation := g.step("Sqrt", []string{g.step("Add", []string{variance, g.scalar(eps)})})
	if len(in) == 1 {
		g.node("Div", []string{centred, deviation}, out)
		return
	}
	weight := g.step("Reshape", []string{in[1], g.ints(column...)})
	offset := g.step("Reshape", []string{in[2], g.ints(column...)})
	scaled := g.step("Mul", []string{centred, g.step("Div", []string{weight, deviation})})
	g.node("Add", []string{scaled, offset}, out)
}

// groupMean takes values a plane to their mean over each group, once for each of
// its channels.
func (g *graph) groupMean(planes string, channels, groups int, column []int) string {
	grouped := g.step("Reshape", []string{planes, g.ints(0, groups, -1)})
	mean := g.step("ReduceMean", []string{grouped}, intsAttr("axes", 2))
	if groups < channels {
		mean = g.step("Expand", []string{mean, g.ints(1, 1, channels/groups)})
	}
	return g.step("Reshape", []string{mean, g.ints(append([]int{0, channels}, column[1:]...)...)})
}

// planeSize is how many elements a plane has, known when the model runs.
func (g *graph) planeSize(x string, rank int) string {
	extents := g.step("Slice", []string{g.step("Shape", []string{x}), g.ints(firstOfPlane(rank)), g.ints(rank)})
	return g.step("Cast", []string{g.step("ReduceProd", []string{extents})}, intAttr("to", elemFloat))
}

// firstOfPlane is the first of the axes that are summed together: the second
// spatial one, or the only one.
func firstOfPlane(rank int) int { return min(3, rank-1) }

// planeAxes are the axes from there on.
func planeAxes(rank int) attribute {
	var axes []int
	for a := firstOfPlane(rank); a < rank; a++ {
		axes = append(axes, a)
	}
	return intsAttr("axes", axes...)
}

// channelColumn is the shape by which one value a channel meets a tensor.
func channelColumn(rank int) []int {
	column := make([]int, rank-1)
	for i := range column {
		column[i] = 1
	}
	column[0] = -1
	return column
}
