package gunzip

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
)

// inputs are data of many kinds.
func inputs() map[string][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 120_000)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	voxels := make([]byte, 0, 240_000)
	for range 120_000 {
		v := int(200 + 30*rng.NormFloat64())
		voxels = append(voxels, byte(v), byte(v>>8))
	}
	skewed := make([]byte, 150_000) // makes codes of up to 15 bits
	for i := range skewed {
		skewed[i] = byte(min(255, int(rng.ExpFloat64()*9)))
	}
	words := strings.Repeat("the quick brown vessel jumps over the lazy capillary; ", 3000)
	mixed := append(append(append([]byte(nil), voxels[:50_000]...), words[:50_000]...), noise[:50_000]...)
	return map[string][]byte{
		"empty": nil, "byte": {7}, "zeros": make([]byte, 200_000), "noise": noise,
		"voxels": voxels, "skewed": skewed, "words": []byte(words), "mixed": mixed,
		"pairs": bytes.Repeat([]byte{1, 2}, 100_000), "threes": bytes.Repeat([]byte{1, 2, 3}, 100_000),
	}
}

func pack(tb testing.TB, b []byte, level int) []byte {
	tb.Helper()
	var out bytes.Buffer
	z, err := stdgzip.NewWriterLevel(&out, level)
	if err != nil {
		tb.Fatal(err)
	}
	z.Name, z.Comment, z.Extra = "a name", "a comment", []byte("extra")
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func unpack(src io.Reader) ([]byte, error) {
	r, err := NewReader(src)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestDecompressesWhatGoCompresses(t *testing.T) {
	t.Parallel()
	for name, want := range inputs() {
		for _, level := range []int{stdgzip.HuffmanOnly, 0, 1, 4, 6, 9} {
			b := pack(t, want, level)
			got, err := unpack(bytes.NewReader(b))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s at level %d: %d bytes, want %d, %v", name, level, len(got), len(want), err)
			}
		}
		var k bytes.Buffer
		z := gzip.NewWriter(&k)
		if _, err := z.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := unpack(&k)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s by klauspost: %d bytes, want %d, %v", name, len(got), len(want), err)
		}
	}
}

func TestReadsFromSlowSourcesInSmallPieces(t *testing.T) {
	t.Parallel()
	want := inputs()["mixed"]
	b := pack(t, want, 6)
	for name, src := range map[string]io.Reader{
		"bytes": iotest.OneByteReader(bytes.NewReader(b)),
		"half":  iotest.HalfReader(bytes.NewReader(b)),
		"eof":   iotest.DataErrReader(bytes.NewReader(b)),
	} {
		r, err := NewReader(src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d, %v", name, len(got), len(want), err)
		}
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	all := inputs()
	b := append(append(pack(t, all["words"], 6), pack(t, nil, 6)...), pack(t, all["voxels"], 1)...)
	want := append(append([]byte(nil), all["words"]...), all["voxels"]...)
	got, err := unpack(bytes.NewReader(b))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, %v", len(got), len(want), err)
	}
	if _, err := unpack(bytes.NewReader(append(b, "trailing junk"...))); !errors.Is(err, ErrHeader) {
		t.Errorf("junk after the members: %v", err)
	}
}

func TestEveryTruncationIsSeen(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"mixed", "byte", "noise"} {
		data := inputs()[name]
		b := pack(t, data[:min(len(data), 3000)], 6)
		for n := range b {
			if _, err := unpack(bytes.NewReader(b[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(b), err)
			}
		}
	}
}

func TestPassesErrorsOn(t *testing.T) {
	t.Parallel()
	b := pack(t, inputs()["noise"], 6)
	broken := errors.New("the disk is on fire")
	src := io.MultiReader(bytes.NewReader(b[:100_000]), iotest.ErrReader(broken))
	if _, err := unpack(src); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// A changed byte is never passed over in silence.
func TestDamageIsSeen(t *testing.T) {
	t.Parallel()
	want := inputs()["mixed"][45_000:55_000]
	b := pack(t, want, 6)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		damaged := bytes.Clone(b)
		damaged[40+rng.IntN(len(b)-40)] ^= byte(1 + rng.IntN(255))
		if got, err := unpack(bytes.NewReader(damaged)); err == nil && !bytes.Equal(got, want) {
			t.Fatal("damaged data came out as if whole")
		}
	}
}

// FuzzAgainstStandardLibrary: what compress/gzip decompresses comes out the
// same, and what it refuses is refused.
func FuzzAgainstStandardLibrary(f *testing.F) {
	for _, b := range inputs() {
		for _, level := range []int{0, 1, 9, stdgzip.HuffmanOnly} {
			f.Add(pack(f, b[:min(len(b), 2000)], level))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		const limit = 1 << 18
		var want []byte
		std, wantErr := stdgzip.NewReader(bytes.NewReader(b))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(std, limit))
		}
		var got []byte
		r, err := NewReader(bytes.NewReader(b))
		if err == nil {
			got, err = io.ReadAll(io.LimitReader(r, limit))
		}
		if len(want) == limit {
			return // damage may lie just beyond
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, the standard library has %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes differ from the standard library's %d", len(got), len(want))
		}
	})
}

func BenchmarkVoxels(b *testing.B) {
	voxels := bytes.Repeat(inputs()["voxels"], 25)
	packed := pack(b, voxels, 6)
	for name, open := range map[string]func(io.Reader) (io.Reader, error){
		"gunzip":    func(r io.Reader) (io.Reader, error) { return NewReader(r) },
		"klauspost": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"std":       func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(voxels)))
			for b.Loop() {
				r, err := open(bytes.NewReader(packed))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
