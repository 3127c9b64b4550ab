package strided_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/nn/strided"
)

// Every element comes from where its index and the strides say.
func TestGather(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 4).Draw(r, "shape")
		size := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(r, "size")
		strides := make([]int64, len(shape))
		elements, reach := 1, 1
		for i, n := range shape {
			strides[i] = rapid.Int64Range(0, 9).Draw(r, "stride")
			elements *= n
			reach += (n - 1) * int(strides[i])
		}
		src := make([]byte, reach*size)
		for i := range src {
			src[i] = byte(i*7 + i/256)
		}
		got := make([]byte, elements*size)
		strided.Gather(got, src, shape, strides, size)
		var want []byte
		for i := range elements {
			at, rest := 0, i
			for axis, n := range slices.Backward(shape) {
				at += rest % n * int(strides[axis])
				rest /= n
			}
			want = append(want, src[at*size:(at+1)*size]...)
		}
		if d := cmp.Diff(want, got); d != "" {
			r.Errorf("%v with strides %v: %s", shape, strides, d)
		}
	})
}

func TestSwap(t *testing.T) {
	t.Parallel()
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0x01020304), 0xa0b0c0d0)
	strided.Swap(b, 4)
	if binary.LittleEndian.Uint32(b) != 0x01020304 || binary.LittleEndian.Uint32(b[4:]) != 0xa0b0c0d0 {
		t.Errorf("% x", b)
	}
	c := []byte{1, 2, 3}
	strided.Swap(c, 1)
	if !slices.Equal(c, []byte{1, 2, 3}) {
		t.Errorf("bytes alone became %v", c)
	}
}
