package patches

import (
	"math/rand/v2"
	"slices"
)

// Plan says how patches are drawn.
type Plan struct {
	Seed             int64
	Batch            int     // patches in a step
	PatchesPerVolume int     // in an epoch
	StepsPerEpoch    int     //
	Size             [3]int  // voxels along x, y, z
	Foreground       float64 // share of the patches centred on a foreground voxel
	Flip             float64 // probability for each axis
}

// Draw is one patch: where it starts in its volume (negative where the volume
// is smaller than the patch and is padded) and the axes along which it is
// flipped.
type Draw struct {
	Volume int
	Start  [3]int
	Flip   [3]bool
}

// Draw decides on patch slot of a step, counted from 0. It depends on the plan,
// the volumes and its arguments only. Within an epoch every volume is drawn
// from equally often, in an order that changes with the epoch.
func (s *Store) Draw(p Plan, step int64, slot int) Draw {
	epoch, within := step/int64(p.StepsPerEpoch), int(step%int64(p.StepsPerEpoch))
	d := Draw{Volume: s.turn(p, epoch, within*p.Batch+slot)}
	r := stream(p.Seed, 1, uint64(step)*uint64(p.Batch)+uint64(slot))
	shape := s.shapes[d.Volume]
	centre, centred := [3]int{}, false
	if voxels := s.foreground[d.Volume]; r.Float64() < p.Foreground && len(voxels) > 0 {
		v := int(voxels[r.IntN(len(voxels))])
		centre = [3]int{v / (shape[1] * shape[2]), v / shape[2] % shape[1], v % shape[2]}
		centred = true
	}
	for i := range 3 {
		room := shape[i] - p.Size[i]
		switch {
		case room <= 0:
			d.Start[i] = -((-room) / 2)
		case centred:
			d.Start[i] = min(max(centre[i]-p.Size[i]/2, 0), room)
		default:
			d.Start[i] = r.IntN(room + 1)
		}
	}
	for i := range 3 {
		d.Flip[i] = r.Float64() < p.Flip
	}
	return d
}

// turn is the volume whose turn it is at a place in the epoch.
func (s *Store) turn(p Plan, epoch int64, place int) int {
	n := s.Len() * p.PatchesPerVolume
	order := stream(p.Seed, 2, uint64(epoch)).Perm(n)
	return order[place%n] % s.Len()
}

// stream is a random stream of its own for each purpose and counter.
func stream(seed int64, purpose, counter uint64) *rand.Rand {
	a := mix(uint64(seed) ^ mix(purpose))
	return rand.New(rand.NewPCG(a, mix(a^mix(counter)))) //nolint:gosec // reproducible on purpose
}

// mix is the finaliser of SplitMix64, which spreads neighbouring counters.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// cut copies a patch out of a volume. What lies outside the volume is 0 in the
// image, the mean of a volume that was normalised by zscore, and background in
// the label, and counts in the loss as such: as nnU-Net v2 and MONAI's
// SpatialPad have it. Whole volumes are predicted with the same padding
// (engine/infer), so a network sees there what it was trained on. The label
// goes out as one plane a class (one-hot), which dst must have room for.
func cut(c *Case, d Draw, size [3]int, image, onehot []float32) {
	n := size[0] * size[1] * size[2]
	clear(image)
	clear(onehot[n:])
	fill(onehot[:n], 1)
	low, high := [3]int{}, [3]int{}
	for i := range 3 {
		low[i] = max(0, -d.Start[i])
		high[i] = min(size[i], c.Shape[i]-d.Start[i])
	}
	for px := low[0]; px < high[0]; px++ {
		for py := low[1]; py < high[1]; py++ {
			src := ((px+d.Start[0])*c.Shape[1]+py+d.Start[1])*c.Shape[2] + d.Start[2]
			dst := (turned(px, size[0], d.Flip[0])*size[1] + turned(py, size[1], d.Flip[1])) * size[2]
			row := image[dst:][:size[2]]
			copy(row[low[2]:high[2]], c.Image[src+low[2]:src+high[2]])
			if d.Flip[2] {
				slices.Reverse(row)
			}
			for pz := low[2]; pz < high[2]; pz++ {
				if class := int(c.Label[src+pz]); class != 0 {
					at := dst + turned(pz, size[2], d.Flip[2])
					onehot[at] = 0
					onehot[class*n+at] = 1
				}
			}
		}
	}
}

func turned(i, n int, flip bool) int {
	if flip {
		return n - 1 - i
	}
	return i
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
