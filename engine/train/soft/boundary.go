package soft

import "context"

// Boundary is the loss of Kervadec et al., "Boundary loss for highly unbalanced
// segmentation", MIDL 2019: the mean over voxels of φ·p, where φ is the signed
// distance to the reference's boundary, in voxels. Outside, φ is the distance to
// the nearest voxel of the reference; inside, minus the distance to the nearest
// of the background, plus one, as in the authors' code, so that the voxels on
// either side of the boundary have 1 and 0. A false voxel costs more the farther
// it is, a missed one the deeper it lies; of all masks the reference has the
// least loss, which is below 0, and its complement the greatest. Where
// the reference is empty or fills the volume, there is no boundary and the loss
// is 0. It needs the company of a loss of regions.
func Boundary(ctx context.Context, probability, reference []float32, shape [3]int, scale float64, gradient []float32) (float64, error) {
	if err := check(probability, reference, gradient, shape); err != nil {
		return 0, err
	}
	phi, err := signedDistance(ctx, reference, shape)
	if err != nil {
		return 0, err
	}
	var loss float64
	n := float64(len(phi))
	for i, d := range phi {
		loss += d * float64(probability[i])
		gradient[i] += float32(scale * d / n)
	}
	return loss / n, nil
}

func signedDistance(ctx context.Context, reference []float32, shape [3]int) ([]float64, error) {
	inside, outside, some := halves(reference)
	phi := make([]float64, len(reference))
	if filled := !contains(outside); !some || filled {
		return phi, nil
	}
	far, err := distances(ctx, inside, shape)
	if err != nil {
		return nil, err
	}
	deep, err := distances(ctx, outside, shape)
	if err != nil {
		return nil, err
	}
	for i := range phi {
		if phi[i] = far[i]; inside[i] != 0 {
			phi[i] = 1 - deep[i]
		}
	}
	return phi, nil
}

func contains(mask []uint8) bool {
	for _, v := range mask {
		if v != 0 {
			return true
		}
	}
	return false
}
