package metrics_test

import (
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/minivess/minivess/engine/metrics"
)

// readMask reads an uncompressed-layout, little-endian, uint8 NIfTI-1 file,
// which is all the oracle consists of.
func readMask(t *testing.T, path string) metrics.Mask {
	t.Helper()
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if datatype := binary.LittleEndian.Uint16(b[70:]); datatype != 2 {
		t.Fatalf("%s: datatype %d, want uint8", path, datatype)
	}
	var m metrics.Mask
	voxels := 1
	for axis := range m.Shape {
		m.Shape[axis] = int(binary.LittleEndian.Uint16(b[42+2*axis:]))
		voxels *= m.Shape[axis]
	}
	m.Data = b[352 : 352+voxels]
	return m
}
