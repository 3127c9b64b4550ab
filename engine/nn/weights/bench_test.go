package weights_test

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/weights"
)

// The benchmarks' checkpoint is of Swin UNETR's size: 160 tensors, 250 MB.
const benchTensors, benchElements = 160, 390_625

// benchState makes finite weights.
func benchState(b *testing.B) *nn.State {
	b.Helper()
	s := &nn.State{}
	for i := range benchTensors {
		data := make([]byte, 4*benchElements)
		for j := 0; j < len(data); j += 4 {
			binary.LittleEndian.PutUint32(data[j:], 0x3f800000|uint32(i*31+j)*2654435761>>9)
		}
		if err := s.Add(nn.Tensor{Name: fmt.Sprintf("module.layers.%d.weight", i), DType: nn.F32, Shape: nn.Shape{benchElements}, Data: data}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// writePyTorch writes what torch.save does.
func writePyTorch(b *testing.B, path string, s *nn.State) {
	b.Helper()
	text := func(s string) string { return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s }
	integer := func(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	var program strings.Builder
	program.WriteString("\x80\x02}" + text("state_dict") + "}(")
	i := 0
	for t := range s.All() {
		program.WriteString(text(t.Name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
			text(fmt.Sprint(i)) + text("cuda:0") + integer(benchElements) + "tQK\x00" + integer(benchElements) + "\x85K\x01\x85\x89NtR")
		i++
	}
	program.WriteString("us.")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	z := zip.NewWriter(out)
	add := func(name string, content []byte) {
		size := uint64(len(content))
		w, err := z.CreateRaw(&zip.FileHeader{Name: name, CompressedSize64: size, UncompressedSize64: size, CRC32: crc32.ChecksumIEEE(content)})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	add("archive/data.pkl", []byte(program.String()))
	i = 0
	for t := range s.All() {
		add(fmt.Sprintf("archive/data/%d", i), t.Data)
		i++
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchFiles writes one file in each format.
func benchFiles(b *testing.B) map[string]string {
	b.Helper()
	s, dir := benchState(b), b.TempDir()
	files := make(map[string]string)
	for _, format := range []string{weights.Safetensors, weights.NPZ, weights.PyTorch} {
		files[format] = filepath.Join(dir, format)
		if format == weights.PyTorch {
			writePyTorch(b, files[format], s)
		} else if err := weights.Write(files[format], format, s, nil); err != nil {
			b.Fatal(err)
		}
	}
	return files
}

// BenchmarkLoad compares loading, values checked, with reading the file: the two
// take turns, and "×read" is the median of the pairs' ratios.
func BenchmarkLoad(b *testing.B) {
	files := benchFiles(b)
	for _, format := range []string{weights.Safetensors, weights.PyTorch, weights.NPZ} {
		b.Run(format, func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				begin := time.Now()
				if _, err := os.ReadFile(files[format]); err != nil {
					b.Fatal(err)
				}
				read := time.Since(begin)
				begin = time.Now()
				load(b, files[format])
				ratios = append(ratios, time.Since(begin).Seconds()/read.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "×read")
		})
	}
}

func load(b *testing.B, path string) {
	b.Helper()
	f, err := weights.Open(path, weights.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if s, err := f.State(); err != nil || s.Len() != benchTensors {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkOpen is what inspecting a file takes.
func BenchmarkOpen(b *testing.B) {
	for format, path := range benchFiles(b) {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				f, err := weights.Open(path, weights.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if len(f.Tensors()) != benchTensors {
					b.Fatal("tensors are missing")
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
