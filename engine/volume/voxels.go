package volume

import (
	"context"
	"sync"
)

// chunk is how many bytes are decompressed at a time. Two are in flight: one
// is filled while the other is converted.
const chunk = 1 << 19

// voxels passes all voxels to sink, in order and in whole voxels; first is the
// index of the chunk's first voxel. Decompression runs beside sink. After the
// last voxel the rest of the file is checked.
func (s *source) voxels(ctx context.Context, h *Header, sink func(first int, b []byte) error) error {
	size := int64(h.Datatype.Size())
	total := h.Voxels() * size
	if total <= chunk {
		b := make([]byte, total)
		if err := s.read(b); err != nil {
			return err
		}
		if err := sink(0, b); err != nil {
			return err
		}
		return s.finish()
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	defer done.Wait()
	defer cancel()
	filled, free := make(chan []byte, 2), make(chan []byte, 3)
	for range cap(free) {
		free <- make([]byte, chunk)
	}
	var failed error
	done.Go(func() {
		defer close(filled)
		failed = s.pump(ctx, total, filled, free)
	})
	first := 0
	for b := range filled {
		if err := sink(first, b); err != nil {
			return err
		}
		first += len(b) / int(size)
		free <- b[:cap(b)]
	}
	return failed
}

// pump fills free buffers with total bytes and hands them over, then checks
// the end of the file.
func (s *source) pump(ctx context.Context, total int64, filled chan<- []byte, free <-chan []byte) error {
	for total > 0 {
		var b []byte
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b = <-free:
		}
		b = b[:min(total, int64(len(b)))]
		if err := s.read(b); err != nil {
			return err
		}
		total -= int64(len(b))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case filled <- b:
		}
	}
	return s.finish()
}
