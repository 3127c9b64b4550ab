package torch

// #include "kernels.h"
import "C"

// Counter reads how many bytes of CPU memory tensors hold, exactly: every
// tensor of the process that was made since CountMemory, as many bytes as its
// elements take. Scratch memory inside operations that is no tensor (of oneDNN's
// convolutions, say) is not counted.
type Counter struct{}

// CountMemory puts a counting allocator under all CPU tensors that are made from
// now on, for good. Call it before any network is made and while nothing runs;
// calling it again changes nothing.
func CountMemory() Counter {
	C.minivess_count_memory()
	return Counter{}
}

// Live returns the bytes held now.
func (Counter) Live() int64 { return int64(C.minivess_live_bytes()) }

// Peak returns the most bytes held at one time since the last Reset.
func (Counter) Peak() int64 { return int64(C.minivess_peak_bytes()) }

// Reset begins a new peak at what is held now.
func (Counter) Reset() { C.minivess_reset_peak() }
