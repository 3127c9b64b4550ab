package synthetic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/volume"
)

var (
	// ErrRequest means that no dataset can be made as asked for.
	ErrRequest = errors.New("invalid request for a synthetic dataset")
	// ErrExists means that the folder is there already.
	ErrExists = errors.New("synthetic dataset exists")
)

// The defaults of a Request.
const (
	DefaultVolumes = 10
	maxVolumes     = 10_000
	minSide        = 8
	maxVoxels      = 1 << 28
)

const (
	folderPerm = 0o755
	filePerm   = 0o644
)

// Request says what to make. Fields that are zero take their defaults: 10
// volumes of 96×96×48 voxels of 0.7×0.7×2.0 µm.
type Request struct {
	Name    string     `json:"name"`
	Dir     string     `json:"-"` // the folder in which a folder Name is made
	Volumes int        `json:"volumes"`
	Shape   [3]int     `json:"shape"`
	Spacing [3]float64 `json:"spacing"` // µm
	Seed    int64      `json:"seed"`
}

// Folder is where the dataset will be.
func (r Request) Folder() string { return filepath.Join(r.Dir, r.Name) }

// WithDefaults fills in what is zero.
func (r Request) WithDefaults() Request {
	if r.Volumes == 0 {
		r.Volumes = DefaultVolumes
	}
	if r.Shape == ([3]int{}) {
		r.Shape = [3]int{96, 96, 48}
	}
	if r.Spacing == ([3]float64{}) {
		r.Spacing = [3]float64{0.7, 0.7, 2.0}
	}
	return r
}

// Bytes estimates the size of the files.
func (r Request) Bytes() int64 {
	r = r.WithDefaults()
	// Noise of eleven bits compresses to about 1.4 bytes a voxel; labels and
	// centrelines are small.
	return int64(r.Volumes) * int64(1.5*float64(r.Shape[0]*r.Shape[1]*r.Shape[2]))
}

// Check refuses a request that cannot be fulfilled; the error wraps ErrRequest.
func (r Request) Check() error {
	r = r.WithDefaults()
	if r.Volumes < 1 || r.Volumes > maxVolumes {
		return fmt.Errorf("%w: %d volumes; 1 to %d are possible", ErrRequest, r.Volumes, maxVolumes)
	}
	voxels := 1
	for i, n := range r.Shape {
		if n < minSide || n > maxVoxels/voxels {
			return fmt.Errorf("%w: shape %d×%d×%d; each side needs at least %d voxels, all together at most %d", ErrRequest, r.Shape[0], r.Shape[1], r.Shape[2], minSide, maxVoxels)
		}
		voxels *= n
		if s := r.Spacing[i]; !(s >= 0.05 && s <= 20) {
			return fmt.Errorf("%w: spacing %g µm; 0.05 to 20 are possible", ErrRequest, s)
		}
	}
	if r.Name == "" || filepath.Base(r.Name) != r.Name || !filepath.IsLocal(r.Name) {
		return fmt.Errorf("%w: name %q; it becomes a folder's name", ErrRequest, r.Name)
	}
	return nil
}

// Generate makes a dataset in a new folder. The folder appears when all of it
// is there; until then, and if ctx ends, only a hidden temporary folder exists,
// which is removed. Progress is told after each volume, one call at a time; it
// may be nil. An existing folder is ErrExists.
func Generate(ctx context.Context, r Request, progress func(done, total int)) (err error) {
	if err := r.Check(); err != nil {
		return err
	}
	r = r.WithDefaults()
	if _, err := os.Lstat(r.Folder()); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %q; choose another name", ErrExists, r.Folder())
	}
	if err := os.MkdirAll(r.Dir, folderPerm); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(r.Dir, "."+r.Name+".partial-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()
	if err := r.fill(ctx, partial, progress); err != nil {
		return err
	}
	if err := os.Chmod(partial, folderPerm); err != nil {
		return err
	}
	// Renaming onto a folder that appeared meanwhile fails unless it is empty.
	if err := os.Rename(partial, r.Folder()); err != nil {
		return fmt.Errorf("%w: %w", ErrExists, err)
	}
	return nil
}

// fill writes all volumes and the request into a folder.
func (r Request) fill(ctx context.Context, dir string, progress func(done, total int)) error {
	for _, sub := range []string{"raw", "seg", "json"} {
		if err := os.Mkdir(filepath.Join(dir, sub), folderPerm); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	done := 0
	for i := range r.Volumes {
		group.Go(func() error {
			if err := r.one(ctx, dir, i); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if progress != nil {
				progress(done, r.Volumes)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "synthetic.json"), struct {
		Generator string `json:"generator"`
		Request
	}{generator, r})
}

// generator names the algorithm; it changes when the same request gives other
// volumes.
const generator = "minivess-vessels-1"

// Truth is the content of a volume's json file.
type Truth struct {
	Volume    string     `json:"volume"`
	Generator string     `json:"generator"`
	Seed      int64      `json:"seed"`
	Unit      string     `json:"unit"` // of positions, radii and spacing: um
	Shape     [3]int     `json:"shape"`
	Spacing   [3]float64 `json:"spacing"`
	Fraction  float64    `json:"vessel_fraction"`
	Optics    Optics     `json:"optics"`
	Trees     []Tree     `json:"trees"` // nodes are [x, y, z, radius]
}

// one makes a volume: image, label and centrelines.
func (r Request) one(ctx context.Context, dir string, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := r.volumeName(i)
	rng := rand.New(rand.NewPCG(uint64(r.Seed), uint64(i))) //nolint:gosec // must be reproducible, hides nothing
	c := newCanvas(r.Shape, r.Spacing)
	trees := plant(rng, c)
	if err := ctx.Err(); err != nil {
		return err
	}
	um3 := float64(len(c.label)) * r.Spacing[0] * r.Spacing[1] * r.Spacing[2]
	optics := drawOptics(rng, um3)
	v := &volume.Volume{Shape: r.Shape, Spacing: r.Spacing, Unit: "um", Data: image(rng, c, optics)}
	l := &volume.Labels{Shape: r.Shape, Spacing: r.Spacing, Unit: "um", Data: c.label}
	if err := volume.Write(ctx, filepath.Join(dir, "raw", name+".nii.gz"), v, volume.WriteOptions{Datatype: volume.Int16}); err != nil {
		return err
	}
	if err := volume.WriteLabels(ctx, filepath.Join(dir, "seg", name+".nii.gz"), l, volume.WriteOptions{}); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "json", name+".json"), Truth{
		Volume: name, Generator: generator, Seed: r.Seed, Unit: "um",
		Shape: r.Shape, Spacing: r.Spacing, Fraction: c.fraction(), Optics: optics, Trees: trees,
	})
}

// volumeName follows MiniVess: mv01, mv02 and so on.
func (r Request) volumeName(i int) string {
	digits := max(2, len(fmt.Sprint(r.Volumes)))
	return fmt.Sprintf("mv%0*d", digits, i+1)
}

// plant grows trees until the vessels fill what was drawn for this volume, 3
// to 5 % as in cortex.
func plant(rng *rand.Rand, c *canvas) []Tree {
	// Half a voxel's diagonal keeps labels connected; 1.9 µm is a capillary.
	least := max(1.9, 1.05*vec(c.spacing).norm()/2, 1.2*max(c.spacing[0], c.spacing[1]))
	s := newSpace(c.shape, c.spacing, least, 3*least)
	total := s.volume()
	// A trunk right through the volume should not fill it.
	greatest := max(1.05*least, min(3*least, math.Sqrt(0.02*total/(math.Pi*math.Cbrt(total)))))
	target := 0.03 + 0.02*rng.Float64()
	var trees []Tree
	branches := 0
	for range 60 {
		missing := target - c.fraction()
		if missing < 0.003 {
			break
		}
		// More of the wide ones: they are the trunks that branch.
		r := least*1.05 + (greatest-least*1.05)*math.Sqrt(rng.Float64())
		if t := grow(rng, s, r, missing*total, branches); t != nil {
			branches += len(t.Branches)
			c.draw(t)
			trees = append(trees, *t)
		}
	}
	return trees
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(path, filePerm, append(b, '\n'))
}
