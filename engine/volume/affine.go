package volume

import (
	"math"
)

// Affine gives the matrix from voxel indices to millimetres (or the header's
// unit), chosen as nibabel does: the sform if its code is positive, else the
// qform, else a diagonal of the spacing with the centre at the origin and x
// flipped.
func (h *Header) Affine() [4][4]float64 {
	switch {
	case h.SformCode > 0:
		return [4][4]float64{h.Srow[0], h.Srow[1], h.Srow[2], {0, 0, 0, 1}}
	case h.QformCode > 0:
		return h.qform()
	}
	return h.baseAffine()
}

// baseAffine is nibabel's affine of a file without sform and qform.
func (h *Header) baseAffine() [4][4]float64 {
	a := [4][4]float64{3: {0, 0, 0, 1}}
	shape := h.Shape()
	for i := range 3 {
		scale := h.Pixdim[i+1]
		if i == 0 {
			scale = -scale
		}
		a[i][i] = scale
		a[i][3] = -float64(shape[i]-1) / 2 * scale
	}
	return a
}

// qform builds the affine from the quaternion, offsets and spacing.
func (h *Header) qform() [4][4]float64 {
	r := rotation(h.fullQuaternion())
	zoom := [3]float64{h.Pixdim[1], h.Pixdim[2], h.Pixdim[3]}
	if h.Pixdim[0] == -1 {
		zoom[2] = -zoom[2]
	}
	a := [4][4]float64{3: {0, 0, 0, 1}}
	for i := range 3 {
		for j := range 3 {
			a[i][j] = r[i][j] * zoom[j]
		}
		a[i][3] = h.Qoffset[i]
	}
	return a
}

// fullQuaternion completes b, c, d with a ≥ 0 to unit length. A remainder
// below three float epsilons counts as zero, as in nibabel.
func (h *Header) fullQuaternion() [4]float64 {
	b, c, d := h.Quatern[0], h.Quatern[1], h.Quatern[2]
	threshold := 3 * 0x1p-52
	if h.Version == 1 {
		threshold = 3 * 0x1p-23
	}
	w2 := 1 - (b*b + c*c + d*d)
	if w2 < threshold {
		return [4]float64{0, b, c, d}
	}
	return [4]float64{math.Sqrt(w2), b, c, d}
}

// rotation turns a quaternion (w, x, y, z) into a matrix.
func rotation(q [4]float64) [3][3]float64 {
	w, x, y, z := q[0], q[1], q[2], q[3]
	n := w*w + x*x + y*y + z*z
	if n < 0x1p-52 {
		return [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	}
	s := 2 / n
	xs, ys, zs := x*s, y*s, z*s
	return [3][3]float64{
		{1 - (y*ys + z*zs), x*ys - w*zs, x*zs + w*ys},
		{x*ys + w*zs, 1 - (x*xs + z*zs), y*zs - w*xs},
		{x*zs - w*ys, y*zs + w*xs, 1 - (x*xs + y*ys)},
	}
}

// Spacing gives the voxel size in x, y and z: the header's pixdim, or the
// length of the affine's columns where pixdim is not positive.
func (h *Header) Spacing() [3]float64 {
	a := h.Affine()
	var s [3]float64
	for i := range s {
		s[i] = math.Abs(h.Pixdim[i+1])
		if s[i] == 0 || !finite(s[i]) {
			s[i] = math.Sqrt(a[0][i]*a[0][i] + a[1][i]*a[1][i] + a[2][i]*a[2][i])
		}
		if s[i] == 0 || !finite(s[i]) {
			s[i] = 1
		}
	}
	return s
}

// setAffine states the affine as sform, and as qform too if it is a rotation
// with a scale (a qform cannot shear).
func (h *Header) setAffine(a [4][4]float64, spacing [3]float64) {
	h.Srow = [3][4]float64{a[0], a[1], a[2]}
	h.SformCode = 1
	h.QformCode = 0
	for i := range spacing {
		h.Pixdim[i+1] = spacing[i]
	}
	h.Pixdim[0] = 1
	r, ok := orthonormal(a)
	if !ok {
		return
	}
	if determinant(r) < 0 {
		h.Pixdim[0] = -1
		for i := range r {
			r[i][2] = -r[i][2]
		}
	}
	q := quaternion(r)
	h.Quatern = [3]float64{q[1], q[2], q[3]}
	h.Qoffset = [3]float64{a[0][3], a[1][3], a[2][3]}
	for i := range 3 {
		h.Pixdim[i+1] = math.Sqrt(a[0][i]*a[0][i] + a[1][i]*a[1][i] + a[2][i]*a[2][i])
	}
	h.QformCode = 1
}

// orthonormal gives the affine's columns at unit length, and whether they are
// at right angles.
func orthonormal(a [4][4]float64) ([3][3]float64, bool) {
	var r [3][3]float64
	for j := range 3 {
		n := math.Sqrt(a[0][j]*a[0][j] + a[1][j]*a[1][j] + a[2][j]*a[2][j])
		if n == 0 || !finite(n) {
			return r, false
		}
		for i := range 3 {
			r[i][j] = a[i][j] / n
		}
	}
	for j := range 3 {
		k := (j + 1) % 3
		if math.Abs(r[0][j]*r[0][k]+r[1][j]*r[1][k]+r[2][j]*r[2][k]) > 1e-6 {
			return r, false
		}
	}
	return r, true
}

func determinant(r [3][3]float64) float64 {
	return r[0][0]*(r[1][1]*r[2][2]-r[1][2]*r[2][1]) -
		r[0][1]*(r[1][0]*r[2][2]-r[1][2]*r[2][0]) +
		r[0][2]*(r[1][0]*r[2][1]-r[1][1]*r[2][0])
}

// quaternion turns a rotation matrix into (w, x, y, z) with w ≥ 0, dividing by
// the largest component (Shepperd 1978).
func quaternion(r [3][3]float64) [4]float64 {
	trace := r[0][0] + r[1][1] + r[2][2]
	var q [4]float64
	if trace > 0 {
		s := 2 * math.Sqrt(trace+1)
		q = [4]float64{s / 4, (r[2][1] - r[1][2]) / s, (r[0][2] - r[2][0]) / s, (r[1][0] - r[0][1]) / s}
	} else {
		i := 0
		for k := range r {
			if r[k][k] > r[i][i] {
				i = k
			}
		}
		j, k := (i+1)%3, (i+2)%3
		s := 2 * math.Sqrt(max(0, 1+r[i][i]-r[j][j]-r[k][k]))
		q[i+1] = s / 4
		q[0] = (r[k][j] - r[j][k]) / s
		q[j+1] = (r[j][i] + r[i][j]) / s
		q[k+1] = (r[k][i] + r[i][k]) / s
	}
	if q[0] < 0 {
		for i := range q {
			q[i] = -q[i]
		}
	}
	return q
}
