package volume

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
)

// fixture is an entry of testdata/nibabel/manifest.json, which
// testdata/make_fixtures.py writes: what nibabel reads from a file that it
// wrote. Floats are hexadecimal, so the comparison is exact.
type fixture struct {
	File       string     `json:"file"`
	Dtype      string     `json:"dtype"`
	Shape      []int      `json:"shape"`
	Zooms      []string   `json:"zooms"`
	Unit       string     `json:"unit"`
	Affine     [][]string `json:"affine"`
	Extensions [][2]any   `json:"extensions"`
	Stored     []string   `json:"stored"`
	Float32    []string   `json:"float32"`
}

func (f fixture) path() string { return filepath.Join("testdata", "nibabel", f.File) }

func fixtures(t *testing.T) []fixture {
	t.Helper()
	b, err := os.ReadFile("testdata/nibabel/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("only %d fixtures", len(all))
	}
	return all
}

func hex(t *testing.T, s string) float64 {
	t.Helper()
	switch s {
	case "inf":
		return math.Inf(1)
	case "-inf":
		return math.Inf(-1)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadsWhatNibabelReads(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		t.Run(f.File, func(t *testing.T) {
			t.Parallel()
			v, err := Read(t.Context(), f.path(), Limits{NonFinite: NonFiniteKeep})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range f.Shape {
				if i < 3 && v.Shape[i] != n || i >= 3 && n != 1 {
					t.Errorf("shape %v, nibabel has %v", v.Shape, f.Shape)
				}
			}
			for i, z := range f.Zooms {
				if want := hex(t, z); v.Spacing[i] != want {
					t.Errorf("spacing[%d] = %v, nibabel has %v", i, v.Spacing[i], want)
				}
			}
			if v.Unit != f.Unit {
				t.Errorf("unit %q, nibabel has %q", v.Unit, f.Unit)
			}
			for i, row := range f.Affine {
				for j, x := range row {
					if want := hex(t, x); math.Abs(v.Affine[i][j]-want) > 1e-14*max(1, math.Abs(want)) {
						t.Errorf("affine[%d][%d] = %v, nibabel has %v", i, j, v.Affine[i][j], want)
					}
				}
			}
			for i, x := range f.Float32 {
				if want := float32(hex(t, x)); v.Data[i] != want {
					t.Fatalf("voxel %d = %v, nibabel has %v", i, v.Data[i], want)
				}
			}
			if len(v.Data) != len(f.Float32) {
				t.Errorf("%d voxels, nibabel has %d", len(v.Data), len(f.Float32))
			}
			for i, e := range f.Extensions {
				got := v.Header.Extensions[i]
				if float64(got.Code) != e[0] || string(bytes.TrimRight(got.Data, "\x00")) != e[1] {
					t.Errorf("extension %d is %d %q, nibabel has %v", i, got.Code, got.Data, e)
				}
			}
		})
	}
}

// stored gives the unscaled voxels as the manifest writes them.
func stored(t *testing.T, r *Raw) []string {
	t.Helper()
	switch r.Header.Datatype {
	case Uint8:
		return text[uint8](t, r)
	case Int8:
		return text[int8](t, r)
	case Uint16:
		return text[uint16](t, r)
	case Int16:
		return text[int16](t, r)
	case Uint32:
		return text[uint32](t, r)
	case Int32:
		return text[int32](t, r)
	case Uint64:
		return text[uint64](t, r)
	case Int64:
		return text[int64](t, r)
	case Float32:
		return text[float32](t, r)
	default:
		return text[float64](t, r)
	}
}

func text[T Number](t *testing.T, r *Raw) []string {
	t.Helper()
	values, err := Values[T](r)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

func TestStoredValuesAreExact(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		r, err := ReadRaw(t.Context(), f.path(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Header.Datatype.String(); got != f.Dtype {
			t.Errorf("%s: datatype %s, nibabel has %s", f.File, got, f.Dtype)
		}
		want := f.Stored
		if r.Header.Datatype == Float32 || r.Header.Datatype == Float64 {
			want = nil
			for _, s := range f.Stored {
				if r.Header.Datatype == Float32 {
					want = append(want, fmt.Sprint(float32(hex(t, s))))
				} else {
					want = append(want, fmt.Sprint(hex(t, s)))
				}
			}
		}
		if d := cmp.Diff(want, stored(t, r)); d != "" {
			t.Errorf("%s: %s", f.File, d)
		}
	}
}

// content gives a file's bytes, decompressed.
func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return b
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRewritingKeepsEveryByte(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		r, err := ReadRaw(t.Context(), f.path(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), f.File)
		if err := WriteRaw(t.Context(), out, r); err != nil {
			t.Fatal(err)
		}
		from, err := Files(f.path())
		if err != nil {
			t.Fatal(err)
		}
		to, err := Files(out)
		if err != nil {
			t.Fatal(err)
		}
		for i := range from {
			if !bytes.Equal(content(t, from[i]), content(t, to[i])) {
				t.Errorf("%s is not the same after reading and writing", filepath.Base(from[i]))
			}
		}
	}
}

func TestWritingAVolumeKeepsValuesAndGeometry(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		v, err := Read(t.Context(), f.path(), Limits{NonFinite: NonFiniteKeep})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.nii", "b.nii.gz", "c.hdr", "d.img.gz"} {
			out := filepath.Join(t.TempDir(), name)
			if err := Write(t.Context(), out, v, WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			got, err := Read(t.Context(), out, Limits{NonFinite: NonFiniteKeep})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(v.Header.Extensions, got.Header.Extensions); d != "" {
				t.Errorf("%s as %s: extensions: %s", f.File, name, d)
			}
			want := *v
			want.Header, got.Header = nil, nil
			if d := cmp.Diff(&want, got); d != "" {
				t.Errorf("%s as %s: %s", f.File, name, d)
			}
		}
	}
}

func TestReadsFromEitherFileOfAPair(t *testing.T) {
	t.Parallel()
	a, err := Read(t.Context(), "testdata/nibabel/pair_v1.hdr", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(t.Context(), "testdata/nibabel/pair_v1.img", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a.Data, b.Data); d != "" {
		t.Error(d)
	}
}
