package volume

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/minivess/minivess/engine/volume/gunzip"
)

const (
	// maxRatio bounds what deflate can do: 258 bytes from two bits.
	maxRatio = 1032
	// maxTrailing is how much may follow the voxels. More means that the
	// header understates the shape, or a gzip bomb.
	maxTrailing = 64 << 10
	readBuffer  = 256 << 10
)

// source is an open file, decompressed as it is read.
type source struct {
	path   string
	file   *os.File
	r      io.Reader
	gzip   bool
	size   int64 // of the file
	offset int64 // decompressed bytes read so far
}

// openSource opens a regular file and looks for gzip's magic bytes; the name
// does not decide.
func openSource(path string) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, failure(path, ErrNotNIfTI, "it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := newSource(path, f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.file = f
	return s, nil
}

// newSource reads from r, which holds size bytes as stored.
func newSource(path string, r io.Reader, size int64) (*source, error) {
	b := bufio.NewReaderSize(r, readBuffer)
	s := &source{path: path, r: b, size: size}
	magic, err := b.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return s, nil //nolint:nilerr // a shorter file is reported as truncated when its header is read
	}
	z, err := gunzip.NewReader(b)
	if err != nil {
		return nil, s.wrap(err)
	}
	s.r, s.gzip = z, true
	return s, nil
}

func (s *source) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// capacity is the most bytes that the file can give.
func (s *source) capacity() int64 {
	switch {
	case !s.gzip:
		return s.size
	case s.size > math.MaxInt64/maxRatio:
		return math.MaxInt64
	default:
		return s.size * maxRatio
	}
}

// read fills b or says why it cannot.
func (s *source) read(b []byte) error {
	n, err := io.ReadFull(s.r, b)
	s.offset += int64(n)
	return s.wrap(err)
}

// skip reads over n bytes.
func (s *source) skip(n int64) error {
	got, err := io.CopyN(io.Discard, s.r, n)
	s.offset += got
	return s.wrap(err)
}

// finish reads to the end, so that gzip's checksum is verified, and refuses
// more than maxTrailing bytes.
func (s *source) finish() error {
	n, err := io.CopyN(io.Discard, s.r, maxTrailing+1)
	s.offset += n
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return s.wrap(err)
	}
	return failure(s.path, ErrHeader, "the file goes on for more than %d bytes after the voxels that the header states", maxTrailing)
}

// wrap says what a failed read means.
func (s *source) wrap(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure(s.path, ErrTruncated, "it ends after %d bytes; copy or download it again", s.offset)
	case errors.Is(err, gunzip.ErrHeader), errors.Is(err, gunzip.ErrChecksum), errors.Is(err, gunzip.ErrCorrupt):
		return failure(s.path, ErrCorrupt, "after %d bytes: %v; copy or download it again", s.offset, err)
	default:
		return fmt.Errorf("read %q after %d bytes: %w", s.path, s.offset, err)
	}
}

// files are the two paths of a volume, equal for a single file.
type files struct {
	header, image string
}

func (f files) single() bool { return f.header == f.image }

// Stem gives a file's name without folder and NIfTI extension, and whether it
// had one.
func Stem(path string) (string, bool) {
	name := path[strings.LastIndexAny(path, `/\`)+1:]
	if i := extension(name); i > 0 {
		return name[:i], true
	}
	return name, false
}

// extension gives the position of the NIfTI extension in a name, -1 if none.
func extension(name string) int {
	lower := strings.ToLower(name)
	for _, e := range []string{".nii.gz", ".nii", ".hdr.gz", ".hdr", ".img.gz", ".img"} {
		if strings.HasSuffix(lower, e) {
			return len(name) - len(e)
		}
	}
	return -1
}

// splitName tells the two files of a volume from the name of either. Writing
// keeps the name's compression; reading also looks for the other one.
func splitName(path string) (files, error) {
	i := extension(path)
	if i < 0 {
		return files{}, failure(path, ErrName, "the name should end in .nii, .nii.gz, .hdr, .img, .hdr.gz or .img.gz")
	}
	ext := strings.ToLower(path[i:])
	if strings.HasPrefix(ext, ".nii") {
		return files{path, path}, nil
	}
	gz := path[i+len(".hdr"):]
	if strings.HasPrefix(ext, ".hdr") {
		return files{path, path[:i] + matchCase(path[i:], ".img") + gz}, nil
	}
	return files{path[:i] + matchCase(path[i:], ".hdr") + gz, path}, nil
}

// matchCase gives ext in upper case if the model is in upper case.
func matchCase(model, ext string) string {
	if model == strings.ToUpper(model) {
		return strings.ToUpper(ext)
	}
	return ext
}

// locate finds the two files of an existing volume.
func locate(path string) (files, error) {
	f, err := splitName(path)
	if err != nil || f.single() {
		return f, err
	}
	other := &f.image
	if path == f.image {
		other = &f.header
	}
	for _, candidate := range []string{*other, strings.TrimSuffix(*other, ".gz"), *other + ".gz"} {
		if _, err := os.Stat(candidate); err == nil {
			*other = candidate
			return f, nil
		}
	}
	return f, fmt.Errorf("%q has no partner %q: %w", path, *other, os.ErrNotExist)
}

// Files gives the files that make up an existing volume: one, or the header
// and the image of a pair.
func Files(path string) ([]string, error) {
	f, err := locate(path)
	if err != nil {
		return nil, err
	}
	if f.single() {
		return []string{f.image}, nil
	}
	return []string{f.header, f.image}, nil
}
