package npz

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/nn"
)

// Write puts a state into a file, atomically, as numpy.savez would. NumPy has
// no bfloat16, so such tensors are widened to float32, which changes no value.
// Metadata lie in the zip file's comment, where NumPy does not look.
func Write(path string, s *nn.State, metadata map[string]string) error {
	const readableByAll = 0o644
	err := atomicfile.Write(path, readableByAll, func(w io.Writer) error { return Encode(w, s, metadata) })
	if err != nil {
		return fmt.Errorf("weights %q: %w", path, err)
	}
	return nil
}

// Encode is Write for a stream. The same state and metadata give the same bytes.
func Encode(w io.Writer, s *nn.State, metadata map[string]string) error {
	if s.Len() > MaxArrays {
		return malformed("%d arrays are more than %d", s.Len(), MaxArrays)
	}
	z := zip.NewWriter(w)
	for t := range s.All() {
		if err := encode(z, t); err != nil {
			return fmt.Errorf("write array %q: %w", t.Name, err)
		}
	}
	if len(metadata) > 0 {
		comment, err := json.Marshal(metadata)
		if err != nil {
			return fmt.Errorf("write metadata: %w", err)
		}
		if err := z.SetComment(string(comment)); err != nil {
			return malformed("metadata of %d bytes are more than the %d that fit", len(comment), math.MaxUint16)
		}
	}
	return z.Close()
}

// encode writes one stored entry.
func encode(z *zip.Writer, t nn.Tensor) error {
	if t.DType == nn.BF16 {
		values, err := t.Float32()
		if err != nil {
			return err
		}
		if t, err = nn.FloatTensor(t.Name, t.Shape, values); err != nil {
			return err
		}
	}
	if len(t.Shape) > maxAxes {
		return malformed("%d axes are more than %d", len(t.Shape), maxAxes)
	}
	head, err := encodeHeader(t.DType, t.Shape)
	if err != nil {
		return err
	}
	size := uint64(len(head)) + uint64(len(t.Data))
	const utf8Name = 0x800
	entry, err := z.CreateRaw(&zip.FileHeader{
		Name: t.Name + ".npy", Flags: utf8Name, Method: zip.Store, CompressedSize64: size, UncompressedSize64: size,
		CRC32: crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, t.Data),
	})
	if err != nil {
		return err
	}
	if _, err := entry.Write(head); err != nil {
		return err
	}
	_, err = entry.Write(t.Data)
	return err
}
