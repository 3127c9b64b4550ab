// Package patches turns volumes on disk into batches for training: it reads
// and normalises volumes, keeps them within a memory budget, decides which
// patch is drawn when, and cuts patches ahead of time in goroutines. What is
// drawn is a pure function of the seed and the step, so a training that is
// resumed sees what it would have seen. Networks and losses do not belong here.
package patches

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// What can be wrong with the volumes. Each is wrapped with the file's path.
var (
	// ErrMismatch says that a label does not have its image's shape.
	ErrMismatch = errors.New("label does not match its image")
	// ErrClass says that a label holds a class that the model does not have.
	ErrClass = errors.New("label holds an unknown class")
	// ErrNoForeground says that no voxel of any volume is foreground.
	ErrNoForeground = errors.New("no foreground in any training volume")
	// ErrNoVolumes says that there is nothing to read.
	ErrNoVolumes = errors.New("no volumes")
)

// bytesPerVoxel is what a cached voxel takes: a float32 and a label.
const bytesPerVoxel = 5

// maxIndexed bounds the foreground voxels remembered for one volume; of more,
// evenly spaced ones are kept.
const maxIndexed = 1 << 20

// Case is one volume, ready for a network. Image is normalised; Image and
// Label are C-order (x slowest, z fastest).
type Case struct {
	Ref   runs.VolumeRef
	Shape [3]int
	Image []float32
	Label []uint8
}

// Options say how volumes are read.
type Options struct {
	Normalise Normalisation
	Classes   int   // background included
	Budget    int64 // bytes for cached volumes
	// Keep, if not nil, is a label that stays as it is, though it is no class.
	Keep *uint8
	// Progress, if set, is told how many volumes have been read.
	Progress func(done, total int)
}

// Store gives volumes by index, from memory while the budget lasts.
type Store struct {
	refs       []runs.VolumeRef
	o          Options
	shapes     [][3]int
	cached     []*Case
	foreground [][]uint32
	binarised  []bool
	bytes      int64
}

// Open reads every volume once, checks it against its label, notes where the
// foreground is, and caches the first ones that fit the budget.
func Open(ctx context.Context, refs []runs.VolumeRef, o Options) (*Store, error) {
	if len(refs) == 0 {
		return nil, ErrNoVolumes
	}
	n := len(refs)
	s := &Store{
		refs: refs, o: o, shapes: make([][3]int, n), cached: make([]*Case, n),
		foreground: make([][]uint32, n), binarised: make([]bool, n),
	}
	keep := s.plan()
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	for i := range refs {
		g.Go(func() error {
			c, binarised, err := s.read(ctx, i)
			if err != nil {
				return err
			}
			s.shapes[i], s.foreground[i], s.binarised[i] = c.Shape, index(c.Label), binarised
			if keep[i] {
				s.cached[i] = c
			}
			if o.Progress != nil {
				o.Progress(int(done.Add(1)), n)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return s, nil
}

// plan chooses by the shapes in the specification, so that what is cached does
// not depend on which volume is read first.
func (s *Store) plan() []bool {
	keep := make([]bool, len(s.refs))
	for i, r := range s.refs {
		size := int64(bytesPerVoxel) * int64(r.Shape[0]) * int64(r.Shape[1]) * int64(r.Shape[2])
		if s.bytes+size <= s.o.Budget {
			keep[i] = true
			s.bytes += size
		}
	}
	return keep
}

// Len is the number of volumes.
func (s *Store) Len() int { return len(s.refs) }

// Bytes is the memory that cached volumes take.
func (s *Store) Bytes() int64 { return s.bytes }

// Uncached counts the volumes that are read again whenever they are needed.
func (s *Store) Uncached() int {
	n := 0
	for _, c := range s.cached {
		if c == nil {
			n++
		}
	}
	return n
}

// Binarised counts the labels of a two-class model that held other values than
// 0 and 1; everything but 0 was taken as 1.
func (s *Store) Binarised() int {
	n := 0
	for _, b := range s.binarised {
		if b {
			n++
		}
	}
	return n
}

// WithForeground counts the volumes that have any foreground.
func (s *Store) WithForeground() int {
	n := 0
	for _, f := range s.foreground {
		if len(f) > 0 {
			n++
		}
	}
	return n
}

// Get gives a volume, which must not be changed.
func (s *Store) Get(ctx context.Context, i int) (*Case, error) {
	if c := s.cached[i]; c != nil {
		return c, nil
	}
	c, _, err := s.read(ctx, i)
	return c, err
}

func (s *Store) read(ctx context.Context, i int) (*Case, bool, error) {
	c, _, binarised, err := read(ctx, s.refs[i], s.o)
	if err != nil {
		return nil, false, fmt.Errorf("volume %q: %w", s.refs[i].ID, err)
	}
	return c, binarised, nil
}

// Read reads one volume as a Store does, with the header of its image.
func Read(ctx context.Context, ref runs.VolumeRef, o Options) (*Case, *volume.Header, error) {
	c, header, _, err := read(ctx, ref, o)
	return c, header, err
}

// ReadImage reads and normalises an image that has no label.
func ReadImage(ctx context.Context, path string, n Normalisation) (*Case, *volume.Header, error) {
	v, err := volume.Read(ctx, path, volume.Limits{})
	if err != nil {
		return nil, nil, err
	}
	c := &Case{Ref: runs.VolumeRef{Image: path}, Shape: v.Shape, Image: make([]float32, len(v.Data))}
	n.Apply(v.Data)
	ToC(c.Image, v.Data, v.Shape)
	return c, v.Header, nil
}

func read(ctx context.Context, ref runs.VolumeRef, o Options) (c *Case, header *volume.Header, binarised bool, err error) {
	v, err := volume.Read(ctx, ref.Image, volume.Limits{})
	if err != nil {
		return nil, nil, false, err
	}
	l, err := volume.ReadLabels(ctx, ref.Label, volume.Limits{})
	if err != nil {
		return nil, nil, false, err
	}
	if v.Shape != l.Shape {
		return nil, nil, false, fmt.Errorf("%w\n  image  %q   %s\n  label  %q   %s\n  fix the file, or import the dataset again and leave it out",
			ErrMismatch, ref.Image, times(v.Shape), ref.Label, times(l.Shape))
	}
	c = &Case{Ref: ref, Shape: v.Shape, Image: make([]float32, len(v.Data)), Label: make([]uint8, len(l.Data))}
	o.Normalise.Apply(v.Data)
	ToC(c.Image, v.Data, v.Shape)
	ToC(c.Label, l.Data, l.Shape)
	if binarised, err = binarise(c.Label, o.Classes, o.Keep); err != nil {
		return nil, nil, false, fmt.Errorf("%q: %w", ref.Label, err)
	}
	return c, v.Header, binarised, nil
}

// binarise checks that the labels are classes of the model. For two classes
// every value but 0 is foreground: masks are often stored as 0 and 255.
func binarise(label []uint8, classes int, keep *uint8) (binarised bool, err error) {
	for i, c := range label {
		if int(c) < classes || keep != nil && c == *keep {
			continue
		}
		if classes != 2 {
			return false, fmt.Errorf("%w: class %d, but the model has %d classes (background included); set model.out_channels", ErrClass, c, classes)
		}
		label[i], binarised = 1, true
	}
	return binarised, nil
}

// index lists the foreground voxels.
func index(label []uint8) []uint32 {
	n := 0
	for _, c := range label {
		if c != 0 {
			n++
		}
	}
	stride := (n + maxIndexed - 1) / maxIndexed
	all := make([]uint32, 0, min(n, maxIndexed))
	seen := 0
	for i, c := range label {
		if c == 0 {
			continue
		}
		if seen%stride == 0 {
			all = append(all, uint32(i))
		}
		seen++
	}
	return all
}

// ToC copies a volume from the file's order (x fastest) to C order (z fastest).
func ToC[T uint8 | float32](dst, src []T, shape [3]int) {
	nx, ny, nz := shape[0], shape[1], shape[2]
	for z := range nz {
		for y := range ny {
			row := src[nx*(y+ny*z):][:nx]
			at := y*nz + z
			for _, v := range row {
				dst[at] = v
				at += ny * nz
			}
		}
	}
}

// FromC copies a volume from C order (z fastest) to the file's (x fastest).
func FromC[T uint8 | float32](dst, src []T, shape [3]int) {
	nx, ny, nz := shape[0], shape[1], shape[2]
	for z := range nz {
		for y := range ny {
			row := dst[nx*(y+ny*z):][:nx]
			at := y*nz + z
			for x := range row {
				row[x] = src[at]
				at += ny * nz
			}
		}
	}
}

func times(s [3]int) string { return fmt.Sprintf("%d×%d×%d", s[0], s[1], s[2]) }
