package synthetic

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/volume"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func small(dir string) Request {
	return Request{Name: "toy", Dir: dir, Volumes: 3, Shape: [3]int{48, 40, 24}, Spacing: [3]float64{0.7, 0.7, 2}, Seed: 7}
}

// digests gives the SHA-256 of every file of a folder.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		rel, _ := filepath.Rel(dir, path)
		sums[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	var sums [3]map[string]string
	for i := range sums {
		r := small(t.TempDir())
		if i == 2 {
			r.Seed++
		}
		if err := Generate(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		sums[i] = digests(t, r.Folder())
	}
	if d := cmp.Diff(sums[0], sums[1]); d != "" {
		t.Errorf("the same request gave other files: %s", d)
	}
	if len(sums[0]) != 3*3+1 {
		t.Errorf("files: %v", sums[0])
	}
	for name := range sums[0] {
		if sums[0][name] == sums[2][name] {
			t.Errorf("%s does not depend on the seed", name)
		}
	}
}

func TestWritesMiniVessLayout(t *testing.T) {
	t.Parallel()
	r := small(t.TempDir())
	var steps []int
	if err := Generate(t.Context(), r, func(done, total int) { steps = append(steps, 10*done+total) }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int{13, 23, 33}, steps); d != "" {
		t.Errorf("progress: %s", d)
	}
	for _, name := range []string{"mv01", "mv02", "mv03"} {
		v, err := volume.Read(t.Context(), filepath.Join(r.Folder(), "raw", name+".nii.gz"), volume.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := volume.ReadLabels(t.Context(), filepath.Join(r.Folder(), "seg", name+".nii.gz"), volume.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		truth := readTruth(t, r, name)
		if v.Shape != r.Shape || l.Shape != r.Shape || v.Unit != "um" || v.Header.Datatype != volume.Int16 || v.Affine != l.Affine {
			t.Errorf("%s: %v %v %q %v", name, v.Shape, l.Shape, v.Unit, v.Header.Datatype)
		}
		inside, outside := contrast(v.Data, l.Data)
		if inside < 1.5*outside {
			t.Errorf("%s: vessels have a mean of %g, tissue of %g", name, inside, outside)
		}
		checkTruth(t, truth, l)
	}
}

func contrast(image []float32, label []uint8) (inside, outside float64) {
	var sum, n [2]float64
	for i, v := range image {
		sum[label[i]] += float64(v)
		n[label[i]]++
	}
	return sum[1] / n[1], sum[0] / n[0]
}

func readTruth(t *testing.T, r Request, name string) Truth {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.Folder(), "json", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth Truth
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	return truth
}

// checkTruth draws the label again from the exported centrelines alone, one
// voxel against every segment, and compares.
func checkTruth(t *testing.T, truth Truth, l *volume.Labels) {
	t.Helper()
	type segment struct{ a, b Node }
	var segments []segment
	for _, tree := range truth.Trees {
		for _, e := range tree.Edges {
			segments = append(segments, segment{tree.Nodes[e[0]], tree.Nodes[e[1]]})
		}
	}
	for i, got := range l.Data {
		x, y, z := i%l.Shape[0], i/l.Shape[0]%l.Shape[1], i/l.Shape[0]/l.Shape[1]
		p := [3]float64{float64(x) * truth.Spacing[0], float64(y) * truth.Spacing[1], float64(z) * truth.Spacing[2]}
		want := uint8(0)
		for _, s := range segments {
			if within(p, s.a, s.b) {
				want = 1
				break
			}
		}
		if got != want {
			t.Fatalf("%s: voxel (%d, %d, %d) is %d, the centrelines say %d", truth.Volume, x, y, z, got, want)
		}
	}
}

// within is the definition in the package comment, written down once more.
func within(p [3]float64, a, b Node) bool {
	var along, length float64
	for i := range 3 {
		along += (p[i] - a[i]) * (b[i] - a[i])
		length += (b[i] - a[i]) * (b[i] - a[i])
	}
	t := math.Min(1, math.Max(0, along/length))
	var distance float64
	for i := range 3 {
		d := p[i] - (a[i] + t*(b[i]-a[i]))
		distance += d * d
	}
	return math.Sqrt(distance) <= a[3]+t*(b[3]-a[3])
}

// grown plants trees in a box of any shape.
func grown(r *rapid.T) (*canvas, []Tree) {
	side := rapid.IntRange(24, 64)
	shape := [3]int{side.Draw(r, "x"), side.Draw(r, "y"), side.Draw(r, "z")}
	size := rapid.Float64Range(0.4, 1.5)
	spacing := [3]float64{size.Draw(r, "sx"), size.Draw(r, "sy"), rapid.Float64Range(0.5, 2.5).Draw(r, "sz")}
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
	c := newCanvas(shape, spacing)
	return c, plant(rng, c)
}

func TestTreesProperty(t *testing.T) {
	t.Parallel()
	forks := 0
	rapid.Check(t, func(r *rapid.T) {
		c, trees := grown(r)
		if len(trees) == 0 {
			r.Fatal("no tree")
		}
		for i := range trees {
			forks += murray(r, &trees[i])
			containsCentreline(r, c, &trees[i])
			connected(r, c, &trees[i])
			radiiFall(r, &trees[i])
		}
		if f := c.fraction(); f > 0.12 {
			r.Fatalf("vessels fill %.3f of the volume", f)
		}
	})
	if forks < 40 {
		t.Errorf("only %d forks in all trees", forks)
	}
}

// murray checks r³ = r₁³ + r₂³ at every fork and gives their number.
func murray(r *rapid.T, tree *Tree) int {
	children := make([]float64, len(tree.Branches))
	forks := 0
	for _, b := range tree.Branches {
		if b.Parent >= 0 {
			children[b.Parent] += cube(b.RadiusStart)
			if b.Nodes[0] != lastNode(tree.Branches[b.Parent]) {
				r.Fatalf("a branch does not begin where its parent ends")
			}
		}
	}
	for i, b := range tree.Branches {
		if children[i] == 0 {
			continue
		}
		forks++
		if want := cube(b.RadiusEnd); math.Abs(children[i]-want) > 1e-9*want {
			r.Fatalf("fork after branch %d: r³ = %g, the children's sum is %g", i, want, children[i])
		}
		if end := tree.Nodes[lastNode(b)][3]; end != b.RadiusEnd {
			r.Fatalf("the branch ends at radius %g, its last node has %g", b.RadiusEnd, end)
		}
	}
	return forks
}

func lastNode(b Branch) int { return b.Nodes[len(b.Nodes)-1] }

func containsCentreline(r *rapid.T, c *canvas, tree *Tree) {
	for _, n := range tree.Nodes {
		i, ok := c.nearest(n.at())
		if ok && c.label[i] != 1 {
			r.Fatalf("node %v lies in a voxel that is not labelled", n)
		}
	}
}

// nearest gives the voxel whose centre is nearest, if the point is in the box.
func (c *canvas) nearest(p vec) (int, bool) {
	var k [3]int
	for i := range p {
		k[i] = int(math.Round(p[i] / c.spacing[i]))
		if k[i] < 0 || k[i] >= c.shape[i] {
			return 0, false
		}
	}
	return k[0] + c.shape[0]*(k[1]+c.shape[1]*k[2]), true
}

// connected floods a tree's own label over the 26 neighbours.
func connected(r *rapid.T, c *canvas, tree *Tree) {
	own := newCanvas(c.shape, c.spacing)
	own.draw(tree)
	parts := 0
	for start, v := range own.label {
		if v != 1 {
			continue
		}
		parts++
		own.flood(start)
	}
	if parts != 1 {
		r.Fatalf("the tree's label has %d parts", parts)
	}
}

func (c *canvas) flood(start int) {
	c.label[start] = 2
	for stack := []int{start}; len(stack) > 0; {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x, y, z := i%c.shape[0], i/c.shape[0]%c.shape[1], i/c.shape[0]/c.shape[1]
		for nz := max(0, z-1); nz <= min(c.shape[2]-1, z+1); nz++ {
			for ny := max(0, y-1); ny <= min(c.shape[1]-1, y+1); ny++ {
				for nx := max(0, x-1); nx <= min(c.shape[0]-1, x+1); nx++ {
					if j := nx + c.shape[0]*(ny+c.shape[1]*nz); c.label[j] == 1 {
						c.label[j] = 2
						stack = append(stack, j)
					}
				}
			}
		}
	}
}

// radiiFall checks that no vessel widens on its way.
func radiiFall(r *rapid.T, tree *Tree) {
	for _, e := range tree.Edges {
		if a, b := tree.Nodes[e[0]][3], tree.Nodes[e[1]][3]; b > a+1e-12 {
			r.Fatalf("radius rises from %g to %g", a, b)
		}
	}
}

func TestDefaultVolumesAreLikeVessels(t *testing.T) {
	t.Parallel()
	d := Request{}.WithDefaults()
	for seed := range uint64(6) {
		c := newCanvas(d.Shape, d.Spacing)
		trees := plant(rand.New(rand.NewPCG(seed, 0)), c)
		if f := c.fraction(); f < 0.02 || f > 0.06 {
			t.Errorf("seed %d: vessels fill %.4f of the volume", seed, f)
		}
		if len(trees) < 2 {
			t.Errorf("seed %d: %d trees", seed, len(trees))
		}
		for _, tree := range trees {
			for _, n := range tree.Nodes {
				if 2*n[3] < 2*d.Spacing[0] {
					t.Errorf("seed %d: a vessel is %g µm wide", seed, 2*n[3])
				}
			}
		}
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := small(t.TempDir())
	r.Volumes = 50
	err := Generate(ctx, r, func(done, _ int) {
		if done == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	left, err := os.ReadDir(r.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	change := map[string]func(*Request){
		"volumes": func(r *Request) { r.Volumes = -1 },
		"thin":    func(r *Request) { r.Shape[2] = 4 },
		"huge":    func(r *Request) { r.Shape = [3]int{1 << 20, 1 << 20, 1 << 20} },
		"spacing": func(r *Request) { r.Spacing[1] = math.NaN() },
		"name":    func(r *Request) { r.Name = "../x" },
		"empty":   func(r *Request) { r.Name = "" },
	}
	for name, f := range change {
		r := small(t.TempDir())
		f(&r)
		if err := Generate(t.Context(), r, nil); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := small(t.TempDir())
	if err := os.Mkdir(r.Folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Generate(t.Context(), r, nil); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("existing folder: %v", err)
	}
}

func TestPoissonMoments(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, mean := range []float64{0, 0.3, 4, 9.9, 10, 37, 400} {
		const n = 200_000
		var sum, squares float64
		for range n {
			k := float64(poisson(rng, mean))
			sum += k
			squares += k * k
		}
		m := sum / n
		variance := squares/n - m*m
		// Five standard errors of the mean and of the variance.
		if math.Abs(m-mean) > 5*math.Sqrt(mean/n) {
			t.Errorf("mean %g: drew %g", mean, m)
		}
		if math.Abs(variance-mean) > 5*math.Sqrt((mean+2*mean*mean)/n) {
			t.Errorf("mean %g: drew a variance of %g", mean, variance)
		}
	}
}

func TestBlurKeepsTheSum(t *testing.T) {
	t.Parallel()
	shape := [3]int{21, 9, 15}
	v := make([]float32, 21*9*15)
	v[10+21*(4+9*7)] = 1
	for axis, sigma := range []float64{1.5, 0.7, 1.2} {
		blur(v, shape, axis, sigma)
	}
	sum, second := 0.0, [3]float64{}
	for i, x := range v {
		sum += float64(x)
		d := [3]float64{float64(i%21 - 10), float64(i/21%9 - 4), float64(i/189 - 7)}
		for a := range d {
			second[a] += float64(x) * d[a] * d[a]
		}
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("sum %g", sum)
	}
	for a, sigma := range []float64{1.5, 0.7, 1.2} {
		if math.Abs(math.Sqrt(second[a])-sigma) > 0.05*sigma {
			t.Errorf("axis %d: standard deviation %g, want %g", a, math.Sqrt(second[a]), sigma)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		if err := Generate(b.Context(), Request{Name: "toy", Dir: b.TempDir(), Seed: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
