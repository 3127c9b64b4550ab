package pickle_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/pickle"
)

// fixtures is where scripts/peers/weights_fixture.py put PyTorch's files.
const fixtures = "../weights/testdata"

// archive makes a checkpoint out of a pickle's opcodes (after PROTO 2, before
// STOP) and its storages.
func archive(program string, storages map[string][]byte) []byte {
	return archiveOf("\x80\x02"+program+".", storages)
}

func archiveOf(data string, storages map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, content []byte) {
		size := uint64(len(content))
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, CompressedSize64: size, UncompressedSize64: size, CRC32: crc32.ChecksumIEEE(content)})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			panic(err)
		}
	}
	add("c/data.pkl", []byte(data))
	for key, content := range storages {
		add("c/data/"+key, content)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func open(content []byte) (*pickle.File, error) {
	return pickle.NewFile(bytes.NewReader(content), int64(len(content)))
}

// text is BINUNICODE.
func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

// number is BININT.
func number(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func numbers(n ...int) string {
	var b strings.Builder
	b.WriteByte('(')
	for _, x := range n {
		b.WriteString(number(x))
	}
	return b.String() + "t"
}

// storage is the persistent id of a storage.
func storage(class, key string, elements int) string {
	return "(" + text("storage") + "ctorch\n" + class + "\n" + text(key) + text("cpu") + number(elements) + "tQ"
}

// tensor rebuilds a view of a float storage "0" of 6 elements.
func tensor(offset int, shape, strides []int) string {
	return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage("FloatStorage", "0", 6) + number(offset) + numbers(shape...) + numbers(strides...) +
		"\x89ccollections\nOrderedDict\n)RtR"
}

// Values come out as Python had them.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nested-protocol2.pt", "nested-protocol4.pt", "nested-legacy.pt"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := pickle.Open(filepath.Join(fixtures, name))
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}()
			root, _ := f.Root().(*pickle.Dict)
			got := make(map[string]string)
			for k, v := range root.All() {
				key, _ := k.(string)
				got[key] = show(v)
			}
			delete(got, "state_dict")
			delete(got, "optimizer")
			want := map[string]string{
				"epoch": "12", "best_metric": "0.8125", "best_epoch": "7", "half": "0.5", "flag": "true", "name": "café",
				"done": "true", "nothing": "<nil>", "big": "1208925819614629174706176", "negative": "-1180591620717411303424",
				"small": "-3", "settings": "__main__.Settings[] items{a:1}", "frozen": "(1)", "raw": "00ff", "losses": "[0.5 0.25]",
				"array":     "i8 2×3 000000000000000001000000000000000200000000000000030000000000000004000000000000000500000000000000",
				"bytearray": "6162", "default": "{a:1}", "slice": "builtins.slice[1 2 <nil>]", "complex": "builtins.complex[1 2]",
				"words": "U1 2 ", "objects": "O8 2 ",
				"args": "argparse.Namespace[] {lr:0.1 device:torch.device[cuda 1] dtype:torch.float16 folder:pathlib.PosixPath[runs] " +
					"phase:" + phase(got["args"]) + " when:datetime.datetime[07ea0102000000000000] shape:(1 2)}",
			}
			tags := got["tags"]
			delete(got, "tags")
			if tags != "[x y]" && tags != "[y x]" {
				t.Errorf("the set is %s", tags)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// phase allows both ways in which versions of Python write an enum's member.
func phase(args string) string {
	if strings.Contains(args, "__main__.Phase[TRAIN]") {
		return "__main__.Phase[TRAIN]"
	}
	return "__main__.Phase[train]"
}

// show writes a value.
func show(v any) string {
	join := func(values []any) string {
		var out []string
		for _, x := range values {
			out = append(out, show(x))
		}
		return strings.Join(out, " ")
	}
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("%x", v)
	case pickle.Tuple:
		return "(" + join(v) + ")"
	case *pickle.List:
		return "[" + join(v.Items) + "]"
	case *pickle.Dict:
		var out []string
		for k, x := range v.All() {
			out = append(out, show(k)+":"+show(x))
		}
		return "{" + strings.Join(out, " ") + "}"
	case *pickle.Object:
		s := v.Class.String() + "[" + join(v.Args) + "]"
		if v.State != nil {
			s += " " + show(v.State)
		}
		if v.Items != nil {
			s += " items" + show(v.Items)
		}
		return s
	case *pickle.Array:
		return fmt.Sprintf("%s %v %x", v.Type, v.Shape, v.Data)
	default:
		return fmt.Sprint(v)
	}
}

// What is not a plain list of values is refused, with what was found.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		program string
		err     error
		says    string
	}{
		"os.system":            {"cos\nsystem\n(" + text("true") + "tR", pickle.ErrRefused, `"os.system"`},
		"posix.system":         {"cposix\nsystem\n(" + text("true") + "tR", pickle.ErrRefused, `"posix.system"`},
		"eval":                 {"c__builtin__\neval\n(" + text("1") + "tR", pickle.ErrRefused, `"builtins.eval"`},
		"exec, not called":     {"cbuiltins\nexec\n", pickle.ErrRefused, `"builtins.exec"`},
		"Popen":                {"csubprocess\nPopen\n(" + text("true") + "tR", pickle.ErrRefused, `"subprocess.Popen"`},
		"by STACK_GLOBAL":      {text("os") + text("system") + "\x93", pickle.ErrRefused, `"os.system"`},
		"by NEWOBJ":            {"csubprocess\nPopen\n)\x81", pickle.ErrRefused, `"subprocess.Popen"`},
		"runpy":                {"crunpy\nrun_path\n", pickle.ErrRefused, `"runpy.run_path"`},
		"torch.hub":            {"ctorch.hub\nload\n", pickle.ErrRefused, `"torch.hub.load"`},
		"torch.load":           {"ctorch\nload\n", pickle.ErrRefused, `"torch.load"`},
		"an extension builder": {"ctorch.utils.cpp_extension\nload_inline\n", pickle.ErrRefused, "cpp_extension"},
		"an unknown function":  {"cmymodule\nmake\n)R", pickle.ErrRefused, `calls the function "mymodule.make"`},
		"a call of a value":    {text("x") + ")R", pickle.ErrRefused, "calls a str"},
		"a call of a result":   {"cmymodule\nMake\n)R)R", pickle.ErrRefused, "calls an object"},
		"getattr of a module":  {"cbuiltins\ngetattr\n(" + "ctorch\nserialization\n" + text("load") + "tR", pickle.ErrRefused, "takes an attribute"},
		"a private attribute":  {"cbuiltins\ngetattr\n(" + "cmymodule\nMake\n" + text("__class__") + "tR", pickle.ErrRefused, "takes an attribute"},
		"INST":                 {"(imymodule\nMake\n", pickle.ErrRefused, "opcode INST"},
		"OBJ":                  {"(cmymodule\nMake\no", pickle.ErrRefused, "opcode OBJ"},
		"EXT1":                 {"\x82\x01", pickle.ErrRefused, "opcode EXT1"},
		"NEXT_BUFFER":          {"\x97", pickle.ErrRefused, "opcode NEXT_BUFFER"},
		"protocol 0's text":    {"S'x'\n", pickle.ErrRefused, "opcode STRING"},
		"protocol 9":           {"\x80\x09", pickle.ErrRefused, "protocol 9"},
		"no opcode":            {"\xff", pickle.ErrFormat, "0xff"},
		"an empty stack":       {"0", pickle.ErrFormat, "stack is empty"},
		"a mark in the way":    {"N(0", pickle.ErrFormat, "stack is empty"},
		"no mark":              {"t", pickle.ErrFormat, "no mark"},
		"left over":            {"NN", pickle.ErrFormat, "left over"},
		"an unset memo":        {"h\x07", pickle.ErrFormat, "memo slot 7"},
		"a far memo":           {"Nr\xff\xff\xff\x7f", pickle.ErrFormat, "memo slot 2147483647"},
		"text cut off":         {"X\xff\xff\xff\x7f", pickle.ErrFormat, "truncated"},
		"huge text":            {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", pickle.ErrFormat, "truncated"},
		"a name without end":   {"c" + strings.Repeat("x", 2000), pickle.ErrFormat, "does not end"},
		"a key alone":          {"}(Nu", pickle.ErrFormat, "no value"},
		"append to a number":   {"K\x01Na", pickle.ErrFormat, "appended to an int"},
		"entries of a list":    {"]NNs", pickle.ErrFormat, "put into a list"},
		"state of a number":    {"K\x01}b", pickle.ErrFormat, "an int is given attributes"},
		"deep marks":           {strings.Repeat("(", 2000), pickle.ErrFormat, "nest deeper"},
		"a huge integer":       {"\x8b\xff\xff\x00\x00" + strings.Repeat("\x01", 0xffff), pickle.ErrFormat, "integer of 65535"},
		"not a storage":        {text("x") + "Q", pickle.ErrFormat, "persistent id"},
		"too many values":      {strings.Repeat("N", pickle.MaxValues+1), pickle.ErrLimit, "more than 4000000 values"},
		"copies of copies": {
			"]q\x00(" + strings.Repeat("N", 1000) + "e" + strings.Repeat("cbuiltins\nlist\n(h\x00tR0", 5000),
			pickle.ErrLimit, "more than 4000000 values",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(archive(c.program, nil))
			if !errors.Is(err, c.err) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%v, want %v with %s", err, c.err, c.says)
			}
			if errors.Is(err, pickle.ErrRefused) && !strings.Contains(err.Error(), "torch.save(model.state_dict()") {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

// Tensors that do not lie within their storages, and storages that do not lie
// within the file, are found before anything is read.
func TestLyingTensors(t *testing.T) {
	t.Parallel()
	six := map[string][]byte{"0": make([]byte, 24)}
	const huge = 0x7fffffff
	for name, c := range map[string]struct {
		program  string
		storages map[string][]byte
		says     string
	}{
		"good":              {tensor(0, []int{2, 3}, []int{3, 1}), six, ""},
		"good, expanded":    {tensor(5, []int{100, 1}, []int{0, 1}), six, ""},
		"empty at the end":  {tensor(6, []int{0, 3}, []int{3, 1}), six, ""},
		"too long":          {tensor(0, []int{7}, []int{1}), six, "reaches past its storage"},
		"an offset too far": {tensor(1, []int{2, 3}, []int{3, 1}), six, "reaches past its storage"},
		"wide strides":      {tensor(0, []int{2, 3}, []int{4, 1}), six, "reaches past its storage"},
		"overflowing": {
			tensor(0, []int{huge, huge, 2}, []int{huge, huge, huge}), six, "reaches past its storage",
		},
		"uncountable":        {tensor(0, []int{huge, huge, huge, huge}, []int{0, 0, 0, 0}), six, "more elements than can be counted"},
		"a negative size":    {tensor(0, []int{-1}, []int{1}), six, "stands where a size"},
		"a negative stride":  {tensor(5, []int{2}, []int{-1}), six, "stands where a size"},
		"a negative offset":  {tensor(-1, []int{2}, []int{1}), six, "offset"},
		"other axes":         {tensor(0, []int{2, 3}, []int{1}), six, "2 sizes and 1 strides"},
		"many axes":          {tensor(0, make([]int, 17), make([]int, 17)), six, "17 axes"},
		"no storage":         {tensor(0, []int{6}, []int{1}), nil, `has no entry "c/data/0"`},
		"a short storage":    {tensor(0, []int{6}, []int{1}), map[string][]byte{"0": make([]byte, 23)}, "needs 24 bytes, its entry has 23"},
		"a long storage":     {tensor(0, []int{6}, []int{1}), map[string][]byte{"0": make([]byte, 28)}, "needs 24 bytes, its entry has 28"},
		"a negative storage": {storage("FloatStorage", "0", -1), six, "a storage is described"},
		"two sizes":          {"(" + storage("FloatStorage", "0", 6) + storage("FloatStorage", "0", 5) + "t", six, "is both"},
		"no class":           {"(" + text("storage") + text("FloatStorage") + text("0") + text("cpu") + number(6) + "tQ", six, "a storage is described"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(archive(c.program, c.storages))
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, pickle.ErrFormat) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want it to say %s", err, c.says)
			}
		})
	}
}

// A zip file that PyTorch would not write is refused.
func TestMalformedArchives(t *testing.T) {
	t.Parallel()
	good := archive(tensor(0, []int{6}, []int{1}), map[string][]byte{"0": make([]byte, 24)})
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, err := z.Create("c/data.pkl") // deflated
	if err == nil {
		_, err = w.Write(bytes.Repeat([]byte("N"), 1<<20))
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	beyond := bytes.Clone(good)
	at := bytes.LastIndex(beyond, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(beyond[at+20:], 1<<30) // the last entry's sizes
	binary.LittleEndian.PutUint32(beyond[at+24:], 1<<30)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":           {nil, "begins neither"},
		"cut off":         {good[:len(good)-30], "damaged or truncated"},
		"compressed":      {packed.Bytes(), "is compressed (1048576 bytes to"},
		"no data.pkl":     {bytes.ReplaceAll(good, []byte("data.pkl"), []byte("date.pkl")), "no data.pkl among its 2 entries"},
		"past the end":    {beyond, "reaches past the file's end"},
		"a lying storage": {bytes.ReplaceAll(good, []byte("c/data/0"), []byte("c/data/1")), "has no entry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := open(c.content); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want it to say %s", err, c.says)
			}
		})
	}
}

// A legacy file that was cut off anywhere is an error, not less weights.
func TestLegacyTruncated(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filepath.Join(fixtures, "types-legacy.pth"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := open(whole[:n]); !errors.Is(err, pickle.ErrFormat) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// A million keys are no reason to take long, nor to refuse.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	const keys = 1_000_000
	b := []byte("}(")
	for i := range keys {
		b = append(b, "X\x07\x00\x00\x00"...)
		b = append(strconv.AppendInt(b, int64(keys+i), 10), "K\x01"...)
	}
	f, err := open(archive(string(b)+"u", nil))
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := f.Root().(*pickle.Dict); !ok || d.Len() != keys {
		t.Errorf("it is %T", f.Root())
	}
}

// Read refuses a destination of another size.
func TestRead(t *testing.T) {
	t.Parallel()
	data := make([]byte, 24)
	for i := range data {
		data[i] = byte(i)
	}
	f, err := open(archive(tensor(1, []int{2, 2}, []int{1, 3}), map[string][]byte{"0": data}))
	if err != nil {
		t.Fatal(err)
	}
	x, ok := f.Root().(*pickle.Tensor)
	if !ok || !x.Shape.Equal(nn.Shape{2, 2}) || x.DType != nn.F32 {
		t.Fatalf("%+v", f.Root())
	}
	if err := f.Read(x, make([]byte, 15)); err == nil {
		t.Error("15 bytes were enough for 4 floats")
	}
	got := make([]byte, 16)
	if err := f.Read(x, got); err != nil {
		t.Fatal(err)
	}
	want := append(append(append(bytes.Clone(data[4:8]), data[16:20]...), data[8:12]...), data[20:24]...)
	if !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzOpen(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*.pt*"))
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds: %v", len(files), err)
	}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) { readAll(t, content) })
}

// FuzzMachine feeds the machine without a zip file around it.
func FuzzMachine(f *testing.F) {
	f.Add(tensor(1, []int{2, 2}, []int{1, 3}))
	f.Add("}(" + text("a") + tensor(0, []int{6}, []int{1}) + "u")
	f.Add("cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(" + text("f8") + "\x89\x88tR(K\x03" + text("<") + "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" +
		"c_codecs\nencode\n(" + text("12345678") + text("latin1") + "tRtR")
	f.Fuzz(func(t *testing.T, program string) {
		readAll(t, archive(program, map[string][]byte{"0": make([]byte, 24)}))
	})
}

// readAll opens a file and, if that works, reads every tensor at its top.
func readAll(t *testing.T, content []byte) {
	t.Helper()
	f, err := open(content)
	if err != nil {
		return
	}
	values := []any{f.Root()}
	if d, ok := f.Root().(*pickle.Dict); ok {
		for _, v := range d.All() {
			values = append(values, v)
		}
	}
	for _, v := range values {
		x, ok := v.(*pickle.Tensor)
		if !ok || x.Unreadable != "" || x.Shape.Elements() > 1<<16 {
			continue
		}
		dst := make([]byte, x.Shape.Elements()*int64(x.DType.Size()))
		if err := f.Read(x, dst); err != nil {
			t.Fatalf("a tensor that was accepted cannot be read: %v", err)
		}
		if at, ok := f.Span(x); ok && len(dst) > 0 && !bytes.Equal(content[at:at+int64(len(dst))], dst) {
			t.Fatal("a tensor's span is not its content")
		}
	}
}
