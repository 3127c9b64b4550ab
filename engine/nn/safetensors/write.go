package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/nn"
)

// Write puts a state into a file, atomically: whoever opens the path finds the
// old file or the new one, complete. The same state and metadata give the same
// bytes.
func Write(path string, s *nn.State, metadata map[string]string) error {
	const readableByAll = 0o644
	err := atomicfile.Write(path, readableByAll, func(w io.Writer) error { return Encode(w, s, metadata) })
	if err != nil {
		return fmt.Errorf("checkpoint %q: %w", path, err)
	}
	return nil
}

// Encode writes a state as safetensors. Tensors of larger elements come first,
// so that each lies at a multiple of its element size.
func Encode(w io.Writer, s *nn.State, metadata map[string]string) error {
	tensors := slices.Collect(s.All())
	slices.SortStableFunc(tensors, func(a, b nn.Tensor) int { return b.DType.Size() - a.DType.Size() })
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("write tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// encodeHeader returns the length prefix and the JSON, padded with spaces to a
// multiple of eight bytes.
func encodeHeader(tensors []nn.Tensor, metadata map[string]string) ([]byte, error) {
	if len(tensors) > MaxTensors {
		return nil, malformed("%d tensors are more than %d", len(tensors), MaxTensors)
	}
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	first := true
	field := func(name string, value any) error {
		if !first {
			b.WriteByte(',')
		}
		first = false
		for i, v := range []any{name, value} {
			text, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("header entry %q: %w", name, err)
			}
			if i == 1 {
				b.WriteByte(':')
			}
			b.Write(text)
		}
		return nil
	}
	if len(metadata) > 0 {
		if err := field(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	var at int64
	for _, t := range tensors {
		if t.Name == metadataKey {
			return nil, malformed("a tensor cannot be called %q", t.Name)
		}
		if len(t.Shape) > maxAxes {
			return nil, malformed("tensor %q has %d axes, more than %d", t.Name, len(t.Shape), maxAxes)
		}
		shape := make([]int64, len(t.Shape))
		for i, n := range t.Shape {
			shape[i] = int64(n)
		}
		end := at + int64(len(t.Data))
		if err := field(t.Name, entry{DType: t.DType, Shape: &shape, Offsets: []int64{at, end}}); err != nil {
			return nil, err
		}
		at = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > MaxHeader {
		return nil, malformed("a header of %d bytes is over the limit of %d", b.Len()-8, MaxHeader)
	}
	out := b.Bytes()
	binary.LittleEndian.PutUint64(out, uint64(len(out)-8))
	return out, nil
}
