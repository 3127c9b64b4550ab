package npz_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/npz"
	"github.com/minivess/minivess/engine/nn/weights"
)

var update = flag.Bool("update", false, "rewrite the golden files; check them with scripts/peers/weights_fixture.py")

// npy makes an array of version 1.
func npy(header string, data []byte) []byte {
	b := []byte("\x93NUMPY\x01\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), data...)
}

const plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"

// pack makes a zip file of one entry.
func pack(tb testing.TB, method uint16, name string, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// read reads everything.
func read(content []byte) (*nn.State, error) {
	f, err := npz.NewFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	s := &nn.State{}
	for _, info := range f.Tensors() {
		x := nn.Tensor{Name: info.Name, DType: info.DType, Shape: info.Shape, Data: make([]byte, info.Bytes)}
		if err := f.Read(info.Name, x.Data); err != nil {
			return nil, err
		}
		if err := s.Add(x); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	eight := make([]byte, 8)
	header := func(s string) []byte { return npy(s, eight) }
	good := pack(t, zip.Store, "a.npy", header(plain))
	if _, err := read(good); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[bytes.Index(flipped, []byte(plain))+len(plain)]++
	bomb := pack(t, zip.Deflate, "a.npy", header(plain))
	const unpacked = 24 // of a central directory's entry
	binary.LittleEndian.PutUint32(bomb[bytes.Index(bomb, []byte("PK\x01\x02"))+unpacked:], 1<<30)
	torn := pack(t, zip.Deflate, "a.npy", header(plain))
	torn[bytes.Index(torn, []byte("a.npy"))+12] ^= 0x55
	for name, c := range map[string]struct {
		content []byte
		err     error
		says    string
	}{
		"empty":            {nil, npz.ErrFormat, "zip"},
		"cut off":          {good[:len(good)-9], npz.ErrFormat, "damaged or truncated"},
		"a flipped bit":    {flipped, npz.ErrFormat, "checksum is wrong"},
		"a torn deflation": {torn, npz.ErrFormat, `"a`},
		"a zip bomb":       {bomb, npz.ErrLimit, "claim to hold more than"},
		"something else":   {pack(t, zip.Store, "a.txt", header(plain)), npz.ErrFormat, "not a .npy"},
		"no magic":         {pack(t, zip.Store, "a.npy", make([]byte, 99)), npz.ErrFormat, "magic"},
		"version 4":        {pack(t, zip.Store, "a.npy", []byte("\x93NUMPY\x04\x00\x00\x00\x00\x00")), npz.ErrFormat, "version 4"},
		"header cut off":   {pack(t, zip.Store, "a.npy", []byte("\x93NUMPY\x01\x00\xff\x00{")), npz.ErrFormat, "cut off"},
		"a huge header":    {pack(t, zip.Store, "a.npy", []byte("\x93NUMPY\x02\x00\xff\xff\xff\x00{")), npz.ErrFormat, "over the limit"},
		"too little data":  {pack(t, zip.Store, "a.npy", npy(plain, eight[:7])), npz.ErrFormat, "truncated or its header lies"},
		"too much data":    {pack(t, zip.Store, "a.npy", npy(plain, append(eight, 0))), npz.ErrFormat, "truncated or its header lies"},
		"an overflow": {
			pack(t, zip.Store, "a.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647), }")),
			npz.ErrFormat, "more elements than can be counted",
		},
		"not a dictionary": {pack(t, zip.Store, "a.npy", header("[1]")), npz.ErrFormat, "was expected before"},
		"code":             {pack(t, zip.Store, "a.npy", header("{'descr': __import__('os'), }")), npz.ErrType, "structured"},
		"unknown key":      {pack(t, zip.Store, "a.npy", header("{'x': 1}")), npz.ErrFormat, `unknown key "x"`},
		"a key twice":      {pack(t, zip.Store, "a.npy", header("{'descr': '<f4', 'descr': '<f4'}")), npz.ErrFormat, "twice"},
		"a key missing":    {pack(t, zip.Store, "a.npy", header("{'descr': '<f4', }")), npz.ErrFormat, "was expected"},
		"something after":  {pack(t, zip.Store, "a.npy", header(strings.TrimSpace(plain)+"x")), npz.ErrFormat, "the end was expected"},
		"a negative size":  {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "(2,)", "(-2,)", 1))), npz.ErrFormat, "a size"},
		"a huge size":      {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "(2,)", "(99999999999,)", 1))), npz.ErrFormat, "a size"},
		"many axes":        {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "(2,)", "("+strings.Repeat("1,", 17)+")", 1))), npz.ErrFormat, "16 axes"},
		"objects":          {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "<f4", "|O", 1))), npz.ErrType, `"|O"`},
		"bfloat16":         {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "<f4", "<V2", 1))), npz.ErrType, "convert to float32"},
		"no type":          {pack(t, zip.Store, "a.npy", header(strings.Replace(plain, "<f4", "", 1))), npz.ErrFormat, "empty element type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(c.content)
			if !errors.Is(err, c.err) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%v, want %v with %q", err, c.err, c.says)
			}
		})
	}
}

func TestOpenNamesThePath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.npz")
	if _, _, err := npz.Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := npz.Open(path); !errors.Is(err, npz.ErrFormat) || !strings.Contains(err.Error(), path) {
		t.Errorf("garbage: %v", err)
	}
}

// The golden files are what numpy.load and MONAI's strict load_state_dict
// accepted: every element type, and a small SegResNet.
func TestWritesWhatPythonReads(t *testing.T) {
	t.Parallel()
	f, err := weights.Open("../weights/testdata/types.pt", weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	types, err := f.State()
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	small, err := nntest.Weights(segresnet())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*nn.State{"minivess.npz": types, "segresnet.npz": small} {
		path := filepath.Join("testdata", name)
		var b bytes.Buffer
		if err := npz.Encode(&b, s, map[string]string{"model": "segresnet", "note": `café <&> "quoted"`}); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %d bytes written, the golden file has %d and they differ: %v", name, b.Len(), len(want), err)
		}
	}
}

// segresnet declares what MONAI's SegResNet(init_filters=8, blocks_down=(1, 1),
// blocks_up=(1,)) has.
func segresnet() []nn.Param {
	var out []nn.Param
	add := func(name string, shape ...int) { out = append(out, nn.Param{Name: name, Shape: shape}) }
	norm := func(name string, n int) { add(name+".weight", n); add(name+".bias", n) }
	block := func(name string, n int) {
		norm(name+".norm1", n)
		norm(name+".norm2", n)
		add(name+".conv1.conv.weight", n, n, 3, 3, 3)
		add(name+".conv2.conv.weight", n, n, 3, 3, 3)
	}
	add("convInit.conv.weight", 8, 1, 3, 3, 3)
	block("down_layers.0.1", 8)
	add("down_layers.1.0.conv.weight", 16, 8, 3, 3, 3)
	block("down_layers.1.1", 16)
	block("up_layers.0.0", 8)
	add("up_samples.0.0.conv.weight", 8, 16, 1, 1, 1)
	norm("conv_final.0", 8)
	add("conv_final.2.conv.weight", 2, 8, 1, 1, 1)
	add("conv_final.2.conv.bias", 2)
	return out
}

// draw makes any state.
func draw(r *rapid.T) *nn.State {
	s := &nn.State{}
	for _, name := range rapid.SliceOfNDistinct(rapid.String(), 0, 6, rapid.ID[string]).Draw(r, "names") {
		d := rapid.SampledFrom([]nn.DType{nn.F64, nn.F32, nn.F16, nn.I64, nn.I32, nn.I16, nn.I8, nn.U8, nn.Bool}).Draw(r, "type")
		var shape nn.Shape = rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(r, "shape")
		n := int(shape.Elements()) * d.Size()
		if err := s.Add(nn.Tensor{Name: name, DType: d, Shape: shape, Data: rapid.SliceOfN(rapid.Byte(), n, n).Draw(r, "data")}); err != nil {
			r.Fatal(err)
		}
	}
	return s
}

// Whatever is written comes back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := draw(r)
		meta := rapid.MapOf(rapid.StringN(0, 9, 9), rapid.StringN(0, 9, 9)).Draw(r, "metadata")
		var b bytes.Buffer
		if err := npz.Encode(&b, s, meta); err != nil {
			r.Fatal(err)
		}
		f, err := npz.NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			r.Fatal(err)
		}
		if len(meta) > 0 && !cmp.Equal(meta, f.Metadata()) {
			r.Errorf("metadata: %s", cmp.Diff(meta, f.Metadata()))
		}
		got, err := read(b.Bytes())
		if err != nil || got.Len() != s.Len() {
			r.Fatalf("%d tensors came back as %v: %v", s.Len(), got, err)
		}
		for want := range s.All() {
			if x, ok := got.Get(want.Name); !ok || x.DType != want.DType || !x.Shape.Equal(want.Shape) || !bytes.Equal(x.Data, want.Data) {
				r.Errorf("%q: got %+v, want %+v", want.Name, x, want)
			}
		}
	})
}

// bfloat16 is widened, which changes no value.
func TestWidens(t *testing.T) {
	t.Parallel()
	s := &nn.State{}
	if err := s.Add(nn.Tensor{Name: "w", DType: nn.BF16, Shape: nn.Shape{2}, Data: []byte{0x80, 0x3f, 0x40, 0xc0}}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := npz.Encode(&b, s, nil); err != nil {
		t.Fatal(err)
	}
	got, err := read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	x, _ := got.Get("w")
	values, err := x.Float32()
	if err != nil || x.DType != nn.F32 || !cmp.Equal(values, []float32{1, -3}) {
		t.Errorf("%s %v: %v", x.DType, values, err)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.npz")
	s := &nn.State{}
	if err := s.Add(nn.Tensor{Name: "a", DType: nn.U8, Shape: make(nn.Shape, 17)}); err != nil {
		t.Fatal(err)
	}
	if err := npz.Write(path, s, nil); !errors.Is(err, npz.ErrFormat) {
		t.Errorf("17 axes: %v", err)
	}
	if err := npz.Write(path, &nn.State{}, map[string]string{"a": strings.Repeat("x", 70_000)}); !errors.Is(err, npz.ErrFormat) {
		t.Errorf("long metadata: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused state left a file behind: %v", err)
	}
	if err := npz.Encode(io.Discard, s, nil); err == nil {
		t.Error("17 axes were encoded")
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"numpy.npz", "compressed.npz", "versions.npz", "objects.npz", "records.npz"} {
		content, err := os.ReadFile(filepath.Join("../weights/testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := read(content)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := npz.Encode(&b, s, nil); err != nil {
			return // the metadata or a name do not fit
		}
		again, err := read(b.Bytes())
		if err != nil {
			t.Fatalf("what was read and written cannot be read again: %v", err)
		}
		for want := range s.All() {
			if x, ok := again.Get(want.Name); !ok || !bytes.Equal(x.Data, want.Data) {
				t.Fatalf("%q did not come back", want.Name)
			}
		}
	})
}

// FuzzHeader feeds the parser of headers without a zip file around it.
func FuzzHeader(f *testing.F) {
	f.Add(plain)
	f.Add("{'shape': (), 'descr': \">f8\", 'fortran_order': True}")
	f.Fuzz(func(t *testing.T, header string) {
		if len(header) < 1<<16 {
			if s, err := read(pack(t, zip.Store, "a.npy", npy(header, make([]byte, 8)))); err == nil && s.Bytes() > 8 {
				t.Errorf("%d bytes came out of 8", s.Bytes())
			}
		}
	})
}
