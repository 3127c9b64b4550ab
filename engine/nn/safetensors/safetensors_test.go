package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
)

var update = flag.Bool("update", false, "rewrite the golden file; check it with scripts/peers/safetensors_fixture.py")

const (
	fromPython = "testdata/python.safetensors"
	fromUs     = "testdata/minivess.safetensors"
)

// The Python package wrote python.safetensors and accepted minivess.safetensors.
func TestInterchangeWithPython(t *testing.T) {
	t.Parallel()
	s, meta, err := safetensors.Read(fromPython)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"format": "pt", "note": `café <&> "quoted"`}, meta); d != "" {
		t.Errorf("metadata: %s", d)
	}
	wantFloats := map[string][]float32{
		"f64": {0, 0.25, 0.5, 0.75, 1, 1.25}, "f32": {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5},
		"f16": {0, 0.125, 0.25, 0.375, 0.5, 0.625}, "bf16": {0, 3, 6, 9, 12, 15},
		"scalar": {2.5}, "empty": {}, "odd \"name\"\né": {1},
	}
	for name, want := range wantFloats {
		x, ok := s.Get(name)
		got, err := x.Float32()
		if !ok || err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q is %v: %v", name, got, err)
		}
	}
	wantBytes := map[string][]byte{
		"i8": {0xfd, 0xfe, 0xff, 0, 1, 2}, "u8": {250, 251, 252, 253, 254, 255}, "bool": {1, 0, 1, 0, 1, 0},
		"i16": {0, 0, 0x9c, 0xff, 0x38, 0xff, 0xd4, 0xfe, 0x70, 0xfe, 0x0c, 0xfe},
	}
	for name, want := range wantBytes {
		if x, _ := s.Get(name); !bytes.Equal(x.Data, want) || !x.Shape.Equal(nn.Shape{2, 3}) {
			t.Errorf("%q is %v %v", name, x.Shape, x.Data)
		}
	}
	i64, _ := s.Get("i64")
	if got := int64(binary.LittleEndian.Uint64(i64.Data[8:])); got != 1-1<<40 {
		t.Errorf("i64[1] is %d", got)
	}
	var b bytes.Buffer
	if err := safetensors.Encode(&b, s, meta); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(fromUs, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(fromUs)
	if err != nil || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%d bytes written, the golden file has %d and they differ: %v", b.Len(), len(want), err)
	}
}

// file puts a header and data together as a file.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func read(content []byte) error {
	f, err := safetensors.NewFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	_, err = f.State()
	return err
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	const ok = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	if err := read(file(ok, 8)); err != nil {
		t.Fatalf("a good file: %v", err)
	}
	var many strings.Builder
	many.WriteString(`{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`)
	for i := range safetensors.MaxTensors + 1 {
		fmt.Fprintf(&many, `,"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
	}
	many.WriteString("}")
	huge := binary.LittleEndian.AppendUint64(nil, 1<<60)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":               {nil, "0 bytes are too few"},
		"seven bytes":         {make([]byte, 7), "7 bytes are too few"},
		"no header":           {file("", 0), "does not begin with {"},
		"a huge header":       {huge, "over the limit of 100000000"},
		"a header cut off":    {file(ok, 8)[:30], "does not fit into 30"},
		"data cut off":        {file(ok, 7), "truncated or its header lies"},
		"data left over":      {file(ok, 9), "end at byte 8, the data at 9"},
		"not JSON":            {file(`{"a"`, 0), "EOF"},
		"a list":              {file(`[1]`, 0), "does not begin with {"},
		"something after it":  {file(ok+"{}", 8), "follows the header's closing brace"},
		"too many tensors":    {file(many.String(), 0), "more than 100000 tensors"},
		"a tensor twice":      {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `"a" is there twice`},
		"unknown type":        {file(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}}`, 8), `"F4" is not one of`},
		"unknown field":       {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), "unknown field"},
		"no shape":            {file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "lacks its shape"},
		"three offsets":       {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "not two data_offsets"},
		"negative size":       {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), "has size -1"},
		"overflowing size":    {file(`{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}}`, 8), "more elements than can be counted"},
		"size past the data":  {file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8), "does not fill bytes 0 to 8"},
		"lying offsets":       {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,800]}}`, 8), "lies at bytes 0 to 800 of 8"},
		"backward offsets":    {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8), "lies at bytes 8 to 0"},
		"overlapping offsets": {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12), `"b" overlaps another at byte 4`},
		"a gap":               {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12), "bytes 4 to 8 before"},
		"metadata of numbers": {file(`{"__metadata__":{"a":1}}`, 0), "metadata"},
		"many axes":           {file(`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}`, 1), "17 axes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := read(c.content)
			if !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestReadNamesTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bad\x1b[31m.safetensors")
	if err := os.WriteFile(path, []byte("not a checkpoint, just text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := safetensors.Read(path); !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), `bad\x1b[31m.safetensors"`) {
		t.Errorf("got %v", err)
	}
	if _, _, err := safetensors.Read(path + ".gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := safetensors.Read(t.TempDir()); !errors.Is(err, safetensors.ErrFormat) {
		t.Errorf("a folder: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.safetensors")
	for name, x := range map[string]nn.Tensor{
		"a name that is taken": {Name: "__metadata__", DType: nn.U8, Shape: nn.Shape{1}, Data: []byte{1}},
		"many axes":            {Name: "a", DType: nn.U8, Shape: make(nn.Shape, 17)},
	} {
		s := &nn.State{}
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
		if err := safetensors.Write(path, s, nil); !errors.Is(err, safetensors.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s left a file behind: %v", name, err)
		}
	}
}

// draw makes any state.
func draw(r *rapid.T) *nn.State {
	s := &nn.State{}
	names := rapid.SliceOfNDistinct(rapid.String(), 0, 6, rapid.ID[string]).Draw(r, "names")
	for _, name := range names {
		if name == "__metadata__" {
			continue
		}
		d := rapid.SampledFrom([]nn.DType{nn.F64, nn.F32, nn.F16, nn.BF16, nn.I64, nn.I32, nn.I16, nn.I8, nn.U8, nn.Bool}).Draw(r, "type")
		var shape nn.Shape = rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(r, "shape")
		n := int(shape.Elements()) * d.Size()
		data := rapid.SliceOfN(rapid.Byte(), n, n).Draw(r, "data")
		if err := s.Add(nn.Tensor{Name: name, DType: d, Shape: shape, Data: data}); err != nil {
			r.Fatal(err)
		}
	}
	return s
}

// Whatever is written comes back, each tensor at a multiple of its element size.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s := draw(r)
		meta := rapid.MapOf(rapid.String(), rapid.String()).Draw(r, "metadata")
		var b bytes.Buffer
		if err := safetensors.Encode(&b, s, meta); err != nil {
			r.Fatal(err)
		}
		f, err := safetensors.NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			r.Fatal(err)
		}
		if len(meta)+len(f.Metadata()) > 0 && !cmp.Equal(meta, f.Metadata()) {
			r.Errorf("metadata: %s", cmp.Diff(meta, f.Metadata()))
		}
		if n := len(f.Tensors()); n != s.Len() {
			r.Errorf("%d tensors, want %d", n, s.Len())
		}
		for _, info := range f.Tensors() {
			want, _ := s.Get(info.Name)
			got, err := f.Tensor(info.Name)
			if err != nil || got.DType != want.DType || !got.Shape.Equal(want.Shape) || !bytes.Equal(got.Data, want.Data) {
				r.Errorf("%q: got %+v, want %+v: %v", info.Name, got, want, err)
			}
			if info.Begin%int64(info.DType.Size()) != 0 {
				r.Errorf("%q of %s lies at %d", info.Name, info.DType, info.Begin)
			}
		}
		if _, err := f.Tensor("no such tensor, surely"); !errors.Is(err, safetensors.ErrFormat) {
			r.Errorf("a tensor that is not there: %v", err)
		}
	})
}

// Nothing in a file makes the reader panic or read past it, and what it accepts
// can be written again and read to the same effect.
func FuzzRead(f *testing.F) {
	for _, path := range []string{fromPython, fromUs} {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   `, 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		in, err := safetensors.NewFile(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		s, err := in.State()
		if err != nil {
			t.Fatalf("the header was accepted, the tensors not: %v", err)
		}
		var b bytes.Buffer
		if err := safetensors.Encode(&b, s, in.Metadata()); err != nil {
			t.Fatal(err)
		}
		out, err := safetensors.NewFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		again, err := out.State()
		if err != nil {
			t.Fatal(err)
		}
		for want := range s.All() {
			if got, ok := again.Get(want.Name); !ok || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("%q did not come back", want.Name)
			}
		}
	})
}
