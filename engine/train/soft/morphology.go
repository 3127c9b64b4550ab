package soft

// erode takes the least of a voxel and its six neighbours, of which those
// outside do not count.
func erode(dst, x []float32, shape [3]int) {
	nx := shape[0]
	for at := 0; at < len(x); at += nx {
		out, row := dst[at:at+nx], x[at:at+nx]
		copy(out, row)
		for i := 1; i < nx; i++ {
			out[i] = min(out[i], row[i-1])
		}
		for i, v := range row[1:] {
			out[i] = min(out[i], v)
		}
		for _, other := range besides(at, shape) {
			for i, v := range x[other : other+nx] {
				out[i] = min(out[i], v)
			}
		}
	}
}

// erodedFrom adds to gradient, at the voxel that each eroded one is equal to, the
// gradient by the eroded one. Of equal voxels the middle one counts.
func erodedFrom(gradient, by, eroded, x []float32, shape [3]int) {
	nx := shape[0]
	for at := 0; at < len(x); at += nx {
		others := besides(at, shape)
		for i := range nx {
			g, e, here := by[at+i], eroded[at+i], at+i
			switch {
			case g == 0, x[here] == e:
			case i > 0 && x[here-1] == e:
				here--
			case i < nx-1 && x[here+1] == e:
				here++
			default:
				for _, other := range others {
					if x[other+i] == e {
						here = other + i
						break
					}
				}
			}
			gradient[here] += g
		}
	}
}

// besides lists where the rows along x begin that lie beside the one that begins
// at a place.
func besides(at int, shape [3]int) []int {
	plane := shape[0] * shape[1]
	y, z := at/shape[0]%shape[1], at/plane
	rows := make([]int, 0, 4)
	if y > 0 {
		rows = append(rows, at-shape[0])
	}
	if y < shape[1]-1 {
		rows = append(rows, at+shape[0])
	}
	if z > 0 {
		rows = append(rows, at-plane)
	}
	if z < shape[2]-1 {
		rows = append(rows, at+plane)
	}
	return rows
}

// dilation takes the greatest of the 27 voxels around each, axis by axis, and
// remembers the steps for its gradient.
type dilation struct {
	shape [3]int
	steps [4][]float32 // before the first axis, after it, …
}

func newDilation(shape [3]int) *dilation {
	d := &dilation{shape: shape}
	for i := 1; i < len(d.steps); i++ {
		d.steps[i] = make([]float32, shape[0]*shape[1]*shape[2])
	}
	return d
}

// of dilates a volume. What it returns is overwritten by the next call.
func (d *dilation) of(x []float32) []float32 {
	d.steps[0] = x
	stride := 1
	for axis, length := range d.shape {
		greatest(d.steps[axis+1], d.steps[axis], stride, length)
		stride *= length
	}
	return d.steps[3]
}

// greatest takes the greatest of three along an axis.
func greatest(dst, x []float32, stride, length int) {
	copy(dst, x)
	for block := 0; block < len(x); block += stride * length {
		low, high := block, block+stride*length
		for i, v := range x[low : high-stride] {
			dst[low+stride+i] = max(dst[low+stride+i], v)
		}
		for i, v := range x[low+stride : high] {
			dst[low+i] = max(dst[low+i], v)
		}
	}
}

// backward turns the gradient by what was dilated last into that by what it was
// made of. Spare is overwritten. It returns one of the two.
func (d *dilation) backward(by, spare []float32) []float32 {
	stride := len(by)
	for axis := 2; axis >= 0; axis-- {
		stride /= d.shape[axis]
		clear(spare)
		greatestFrom(spare, by, d.steps[axis+1], d.steps[axis], stride, d.shape[axis])
		by, spare = spare, by
	}
	return by
}

func greatestFrom(gradient, by, dilated, x []float32, stride, length int) {
	for block := 0; block < len(x); block += stride * length {
		last := block + stride*(length-1)
		for here := block; here < last+stride; here++ {
			to := here
			switch v := dilated[here]; {
			case by[here] == 0:
				continue
			case x[here] == v:
			case here >= block+stride && x[here-stride] == v:
				to = here - stride
			case here < last && x[here+stride] == v:
				to = here + stride
			}
			gradient[to] += by[here]
		}
	}
}
