package edt

import "math"

// farthest is how many steps to both sides vectors look before envelopes, whose
// time does not grow with the distance, are the faster way. A multiple of four.
const farthest = 128

// margin is how many infinite samples there are on both sides of the real ones.
const margin = farthest + 4

// patience is how many lines are left to envelopes after one that vectors could
// not finish, because the next ones lie about as far from any mark.
const patience = 8

// lines transforms lines of single precision, 32 samples at once, as long as the
// nearest marks are near: every sample looks at those around it until none
// farther away could be lower.
type lines struct {
	length  int
	across  int       // lines that lie side by side, sample by sample
	padded  []float32 // their samples, with a margin of infinite ones at both ends
	out     []float32
	squares []float32 // of steps
	wait    int       // lines to leave to envelopes
}

// newLines makes room for lines of a length, so many of them side by side (1, or
// the columns of a block); nil if vectors cannot do these.
func newLines(length, across int, spacing float64) *lines {
	if !vectors() || length*across < 32 {
		return nil
	}
	l := &lines{
		length: length, across: across, padded: make([]float32, (length+2*margin)*across),
		out: make([]float32, length*across), squares: make([]float32, margin+1),
	}
	for i := range l.padded {
		l.padded[i] = float32(math.Inf(1))
	}
	for k := range l.squares {
		d := float64(k) * spacing
		l.squares[k] = float32(d * d)
	}
	return l
}

// samples is where the lines' samples are to be put before lowest.
func (l *lines) samples() []float32 {
	return l.padded[margin*l.across:][:l.length*l.across]
}

// lowest fills out and tells whether it could.
func (l *lines) lowest() bool {
	if l.wait > 0 {
		l.wait--
		return false
	}
	n := l.length * l.across
	for at := 0; at < n; at += 32 {
		// The last 32 may overlap those before.
		from := min(at, n-32)
		if !lowest32(&l.out[from], &l.padded[margin*l.across+from], &l.squares[0], uintptr(4*l.across), farthest) {
			l.wait = patience
			return false
		}
	}
	return true
}
