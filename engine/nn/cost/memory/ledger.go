package memory

// ledger counts the bytes of tensors.
type ledger struct{ live, peak int64 }

// block is memory that tensors share.
type block struct {
	bytes int64
	refs  int
}

// allocate takes n bytes.
func (h *ledger) allocate(n int64) *block {
	h.live += n
	h.peak = max(h.peak, h.live)
	return &block{bytes: n, refs: 1}
}

// release gives one reference back, and the bytes with the last.
func (h *ledger) release(b *block) {
	b.refs--
	if b.refs == 0 {
		h.live -= b.bytes
	}
}

// scratch is memory that an operation takes and gives back at once.
func (h *ledger) scratch(n int64) { h.release(h.allocate(n)) }
