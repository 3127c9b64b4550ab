package volume

// NonFinite says what becomes of voxels that are NaN, infinite or, once scaled,
// beyond float32.
type NonFinite int

// The policies for voxels that are not finite. Refusing is the default.
const (
	NonFiniteError NonFinite = iota
	NonFiniteZero
	NonFiniteKeep
)

// DefaultMaxBytes bounds a volume's voxels, in the file or in memory.
const DefaultMaxBytes = 4 << 30

// Limits bound what Read accepts. The zero value is the default.
type Limits struct {
	// MaxBytes bounds the voxels' bytes, both as stored and as decoded;
	// 0 means DefaultMaxBytes.
	MaxBytes int64
	// NonFinite is the policy for voxels that are not finite.
	NonFinite NonFinite
}

func (l Limits) maxBytes() int64 {
	if l.MaxBytes > 0 {
		return l.MaxBytes
	}
	return DefaultMaxBytes
}
