package torch

// #include "kernels.h"
import "C"

// Counter reads how many bytes of CPU memory tensors hold: every tensor of the
// process, as many bytes as its elements take, rounded up a little where that is
// less than 256 KB. Scratch memory of convolutions counts too, as far as they ask
// libtorch for it.
type Counter struct{}

// CountMemory counts all CPU tensors that are made from now on, or since
// Configure if that was called before. Call it before any network is made and
// while nothing runs; calling it again changes nothing.
func CountMemory() Counter {
	C.minivess_pool_memory()
	return Counter{}
}

// Live returns the bytes held now.
func (Counter) Live() int64 { return int64(C.minivess_live_bytes()) }

// Peak returns the most bytes held at one time since the last Reset.
func (Counter) Peak() int64 { return int64(C.minivess_peak_bytes()) }

// Reset begins a new peak at what is held now.
func (Counter) Reset() { C.minivess_reset_peak() }
