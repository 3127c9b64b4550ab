package weights_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/npz"
	"github.com/minivess/minivess/engine/nn/pickle"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/nn/weights"
)

// file opens a file until the test ends.
func file(t *testing.T, path string, o weights.Options) *weights.File {
	t.Helper()
	f, err := weights.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// names lists a file's tensors.
func names(f *weights.File) []string {
	var out []string
	for _, info := range f.Tensors() {
		out = append(out, info.Name)
	}
	return out
}

// write puts F32 tensors of one element each into a file.
func write(t *testing.T, format string, values map[string]float32, order ...string) string {
	t.Helper()
	s := &nn.State{}
	for _, name := range order {
		x, err := nn.FloatTensor(name, nn.Shape{1}, []float32{values[name]})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "weights."+format)
	if err := weights.Write(path, format, s, map[string]string{"model": "m"}); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWriteAndOpen(t *testing.T) {
	t.Parallel()
	for _, format := range []string{weights.Safetensors, weights.NPZ} {
		f := file(t, write(t, format, map[string]float32{"a": 1, "b": -2}, "b", "a"), weights.Options{})
		s, err := f.State("a")
		if err != nil || s.Len() != 1 || f.Format() != format || f.Metadata()["model"] != "m" {
			t.Errorf("%s: %v, %d tensors, metadata %v: %v", format, f.Format(), s.Len(), f.Metadata(), err)
		}
		if x, _ := s.Get("a"); !bytes.Equal(x.Data, []byte{0, 0, 0x80, 0x3f}) {
			t.Errorf("%s: a is %v", format, x.Data)
		}
		if _, err := f.State("a", "c"); !errors.Is(err, weights.ErrTensor) || !strings.Contains(err.Error(), `"c"`) {
			t.Errorf("%s: a tensor that is not there: %v", format, err)
		}
	}
	if err := weights.Write(filepath.Join(t.TempDir(), "x"), weights.PyTorch, &nn.State{}, nil); !errors.Is(err, weights.ErrUnknown) {
		t.Errorf("a format that is not written: %v", err)
	}
}

func TestBranch(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct {
		branch string
		want   float32 // the first bias of BatchNorm3d
	}{
		"ema.pt":              {"ema", 1},
		"deep.pt":             {"checkpoint.model.state_dict", 0},
		"two.pt":              {"decoder", 0},
		"nested-protocol2.pt": {"state_dict", 0},
	} {
		f := file(t, filepath.Join("testdata", path), weights.Options{Branch: c.branch})
		if len(f.Tensors()) != 9 {
			t.Errorf("%s: %d tensors", path, len(f.Tensors()))
		}
		s, err := f.State("1.bias")
		if err != nil {
			t.Fatal(err)
		}
		x, _ := s.Get("1.bias")
		if v, err := x.Float32(); err != nil || (c.want == 1) != (v[0] == 1) {
			t.Errorf("%s: bias %v: %v", path, v, err)
		}
	}
	for path, branch := range map[string]string{"ema.pt": "emma", "deep.pt": "checkpoint.none", "types.pt": "f32"} {
		_, err := weights.Open(filepath.Join("testdata", path), weights.Options{Branch: branch})
		if !errors.Is(err, weights.ErrBranch) || !strings.Contains(err.Error(), fmt.Sprintf("%q; there is", branch)) {
			t.Errorf("%s has no branch %q: %v", path, branch, err)
		}
	}
	plain := write(t, weights.Safetensors, nil, "a")
	if _, err := weights.Open(plain, weights.Options{Branch: "x"}); !errors.Is(err, weights.ErrBranch) {
		t.Errorf("safetensors have no branches: %v", err)
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names  []string
		o      weights.Options
		want   []string
		prefix string
	}{
		"one":                {[]string{"module.a", "module.b.c"}, weights.Options{}, []string{"a", "b.c"}, "module."},
		"several":            {[]string{"module._orig_mod.net.a", "module._orig_mod.net.b"}, weights.Options{}, []string{"a", "b"}, "module._orig_mod.net."},
		"not of all":         {[]string{"module.a", "b"}, weights.Options{}, []string{"module.a", "b"}, ""},
		"nothing left":       {[]string{"module.", "module.a"}, weights.Options{}, []string{"module.", "module.a"}, ""},
		"kept":               {[]string{"module.a"}, weights.Options{KeepPrefixes: true}, []string{"module.a"}, ""},
		"wanted without":     {[]string{"module.a"}, weights.Options{Names: []string{"a"}}, []string{"a"}, "module."},
		"wanted with":        {[]string{"model.a"}, weights.Options{Names: []string{"model.a"}}, []string{"model.a"}, ""},
		"wanted in part":     {[]string{"module.model.a"}, weights.Options{Names: []string{"model.a"}}, []string{"model.a"}, "module."},
		"wanted, not there":  {[]string{"module.a"}, weights.Options{Names: []string{"x"}}, []string{"module.a"}, ""},
		"wanted, most match": {[]string{"net.a", "net.b", "net.net.a"}, weights.Options{Names: []string{"a", "b", "net.a"}}, []string{"a", "b", "net.a"}, "net."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := file(t, write(t, weights.Safetensors, nil, c.names...), c.o)
			if d := cmp.Diff(c.want, names(f)); d != "" || f.Prefix() != c.prefix {
				t.Errorf("prefix %q: %s", f.Prefix(), d)
			}
			if s, err := f.State(c.want...); err != nil || s.Len() != len(c.want) {
				t.Errorf("they cannot be read: %v", err)
			}
		})
	}
}

// bits writes a value in a floating-point type.
func bits(d nn.DType, v float64) []byte {
	le := binary.LittleEndian
	switch d {
	case nn.F64:
		return le.AppendUint64(nil, math.Float64bits(v))
	case nn.F32:
		return le.AppendUint32(nil, math.Float32bits(float32(v)))
	case nn.BF16:
		return le.AppendUint16(nil, uint16(math.Float32bits(float32(v))>>16))
	default: // F16 of 0, infinities and NaN
		b := math.Float32bits(float32(v))
		return le.AppendUint16(nil, uint16(b>>16&0x8000|b>>13&0x7fff&^0x3c00|uint32(map[bool]int{true: 0x7c00}[b&0x7f800000 == 0x7f800000])))
	}
}

// The place of a value that is not finite is found wherever it lies.
func TestNonFinite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := rapid.SampledFrom([]nn.DType{nn.F64, nn.F32, nn.F16, nn.BF16}).Draw(r, "type")
		n := rapid.IntRange(1, 3000).Draw(r, "elements")
		data := rapid.SliceOfN(rapid.Byte(), n*d.Size(), n*d.Size()).Draw(r, "data")
		for i := range n { // the exponent's highest bit is 0: finite
			data[(i+1)*d.Size()-1] &^= 0x40
		}
		if i := weights.NonFinite(d, data); i != -1 {
			r.Fatalf("element %d of finite ones: % x", i, data)
		}
		at := rapid.IntRange(0, n-1).Draw(r, "at")
		copy(data[at*d.Size():], bits(d, rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(r, "value")))
		if i := weights.NonFinite(d, data); i != at {
			r.Errorf("element %d, want %d", i, at)
		}
	})
	if i := weights.NonFinite(nn.I64, bytes.Repeat([]byte{0xff}, 64)); i != -1 {
		t.Errorf("integers: %d", i)
	}
}

// Weights that are not finite are refused by name and place, unless wanted.
func TestStateChecksValues(t *testing.T) {
	t.Parallel()
	const n = 5 << 20 // larger than a piece
	data := make([]byte, 4*n)
	copy(data[4*(n-3):], bits(nn.F32, math.NaN()))
	sick := nn.Tensor{Name: "sick", DType: nn.F32, Shape: nn.Shape{n}, Data: data}
	s := &nn.State{}
	if err := s.Add(sick); err != nil {
		t.Fatal(err)
	}
	says := fmt.Sprintf(`tensor "sick" is NaN at element %d`, n-3)
	if err := weights.CheckFinite(s); !errors.Is(err, weights.ErrNonFinite) || !strings.Contains(err.Error(), says) {
		t.Errorf("a state: %v", err)
	}
	for _, format := range []string{weights.Safetensors, weights.NPZ} {
		path := filepath.Join(t.TempDir(), "w")
		if err := weights.Write(path, format, s, nil); err != nil {
			t.Fatal(err)
		}
		_, err := file(t, path, weights.Options{}).State()
		if !errors.Is(err, weights.ErrNonFinite) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", format, err)
		}
		got, err := file(t, path, weights.Options{AllowNonFinite: true}).State()
		if err != nil || weights.CheckFinite(got) == nil {
			t.Errorf("%s, allowed: %v", format, err)
		}
	}
	large := &nn.State{}
	if err := large.Add(nn.Tensor{Name: "w", DType: nn.F64, Shape: nn.Shape{1}, Data: bits(nn.F64, 1e300)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w")
	if err := weights.Write(path, weights.Safetensors, large, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := file(t, path, weights.Options{Float32: true}).State(); !errors.Is(err, weights.ErrNonFinite) || !strings.Contains(err.Error(), "is infinite") {
		t.Errorf("a number beyond float32: %v", err)
	}
}

// Floats of every type become float32, integers stay.
func TestFloat32(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"types.pt", "types-legacy.pth", "types-big-endian.pt", "numpy.npz"} {
		raw, err := file(t, filepath.Join("testdata", name), weights.Options{}).State()
		if err != nil {
			t.Fatal(err)
		}
		wide, err := file(t, filepath.Join("testdata", name), weights.Options{Float32: true}).State()
		if err != nil {
			t.Fatal(err)
		}
		for x := range raw.All() {
			y, _ := wide.Get(x.Name)
			if !x.DType.Float() {
				if y.DType != x.DType || !bytes.Equal(x.Data, y.Data) {
					t.Errorf("%s: %q changed", name, x.Name)
				}
				continue
			}
			want, err := x.Float32()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := y.Float32(); err != nil || y.DType != nn.F32 || !cmp.Equal(got, want) {
				t.Errorf("%s: %q is %s %v, want %v: %v", name, x.Name, y.DType, got, want, err)
			}
		}
	}
}

// The same weights have the same digests, whatever the format.
func TestDigests(t *testing.T) {
	t.Parallel()
	zip, legacy := file(t, "testdata/views.pt", weights.Options{}), file(t, "testdata/views-legacy.pt", weights.Options{})
	for _, name := range names(zip) {
		a, err := zip.TensorDigest(name)
		b, also := legacy.TensorDigest(name)
		if err != nil || also != nil || a != b || len(a) != 64 {
			t.Errorf("%q: %q %v, %q %v", name, a, err, b, also)
		}
	}
	const none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	if d, err := zip.TensorDigest("nothing"); err != nil || d != none {
		t.Errorf("an empty tensor: %q %v", d, err)
	}
	content, err := os.ReadFile("testdata/views.pt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := zip.Digest()
	if err != nil || len(want) != hex.EncodedLen(32) || len(content) == 0 {
		t.Errorf("%q: %v", want, err)
	}
}

// A state may be read from many goroutines, and stays as it was when its file is
// overwritten.
func TestStateIsItsOwn(t *testing.T) {
	t.Parallel()
	path := write(t, weights.Safetensors, map[string]float32{"a": 1, "b": 2}, "a", "b")
	f := file(t, path, weights.Options{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := f.State(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s, err := f.State()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, len(before)), 0o600); err != nil { // in place, as torch.save does
		t.Fatal(err)
	}
	if x, _ := s.Get("b"); !bytes.Equal(x.Data, bits(nn.F32, 2)) {
		t.Errorf("b became %v", x.Data)
	}
}

// checkpoint writes a file as torch.save does: a dictionary of tensors that
// repeat the one element of a storage along two axes.
func checkpoint(t *testing.T, tensors, rows, columns int) string {
	t.Helper()
	integer := func(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	text := func(s string) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	var program strings.Builder
	program.WriteString("\x80\x02}(")
	for i := range tensors {
		program.WriteString(text(fmt.Sprint("w", i)) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
			text("0") + text("cpu") + "K\x01tQK\x00(" + integer(rows) + integer(columns) + "tK\x00K\x00\x86\x89NtR")
	}
	program.WriteString("u.")
	path := filepath.Join(t.TempDir(), "w.pt")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	for name, content := range map[string]string{"c/data.pkl": program.String(), "c/data/0": "\x00\x00\x80\x3f"} {
		w, failed := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if failed == nil {
			_, failed = w.Write([]byte(content))
		}
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, z.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// Views that repeat an element cost nothing in a file, and everything in memory.
func TestGrowth(t *testing.T) {
	t.Parallel()
	s, err := file(t, checkpoint(t, 2, 1000, 1000), weights.Options{}).State()
	if err != nil || s.Bytes() != 8_000_000 {
		t.Errorf("%d bytes: %v", s.Bytes(), err)
	}
	for what, c := range map[string]struct{ tensors, rows, columns int }{
		"one tensor": {1, 1 << 20, 1 << 10}, "together": {100, 1000, 1000}, "beyond counting": {1, 1<<31 - 1, 1<<31 - 1},
	} {
		_, err := weights.Open(checkpoint(t, c.tensors, c.rows, c.columns), weights.Options{})
		if !errors.Is(err, pickle.ErrLimit) || !strings.Contains(err.Error(), "its tensors come to more than") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := weights.Open(checkpoint(t, 100_001, 1, 1), weights.Options{}); !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("100001 tensors: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := weights.Open(filepath.Join(dir, "none.pt"), weights.Options{}); !errors.Is(err, fs.ErrNotExist) || weights.BadFile(err) {
		t.Errorf("nothing: %v", err)
	}
	if _, err := weights.Open(dir, weights.Options{}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	tar := make([]byte, 600)
	copy(tar[257:], "ustar")
	for what, c := range map[string]struct {
		content string
		err     error
		says    string
	}{
		"empty":           {"", weights.ErrUnknown, "it is empty"},
		"text":            {"hello", weights.ErrUnknown, `begins with "hello"`},
		"HDF5":            {"\x89HDF\r\n\x1a\n", weights.ErrUnknown, "HDF5"},
		"gzip":            {"\x1f\x8b\x08", weights.ErrUnknown, "unpack it first"},
		"a .npy":          {"\x93NUMPY\x01\x00", weights.ErrUnknown, "numpy.savez"},
		"tar":             {string(tar), weights.ErrUnknown, "tar archive"},
		"LFS":             {"version https://git-lfs.github.com/spec/v1\n", weights.ErrUnknown, "git lfs pull"},
		"a plain pickle":  {"\x80\x04N.", weights.ErrUnknown, "begins with"},
		"a zip cut off":   {"PK\x03\x04" + strings.Repeat("\x00", 22) + "\x0a\x00\x00\x00c/data.pkl", pickle.ErrFormat, "damaged or truncated"},
		"an npz cut off":  {"PK\x03\x04" + strings.Repeat("\x00", 22) + "\x05\x00\x00\x00a.npy", npz.ErrFormat, "damaged or truncated"},
		"safetensors cut": {"\x09\x00\x00\x00\x00\x00\x00\x00{\"a\":", safetensors.ErrFormat, "truncated"},
	} {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := weights.Open(path, weights.Options{}); !weights.BadFile(err) || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	files, err := filepath.Glob("testdata/*[tz]*")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds: %v", len(files), err)
	}
	for _, path := range append(files, "../safetensors/testdata/python.safetensors") {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "w")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := weights.Open(path, weights.Options{})
		if err != nil {
			return
		}
		if s, err := w.State(); err == nil && s.Len() != len(w.Tensors()) {
			t.Errorf("%d of %d tensors", s.Len(), len(w.Tensors()))
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}
