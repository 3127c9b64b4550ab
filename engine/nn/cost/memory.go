package cost

import (
	"slices"

	"github.com/minivess/minivess/engine/nn"
)

// inferenceMemory plays one forward pass in which every tensor is freed after
// its last use, and returns the most bytes alive at one time.
func (m *model) inferenceMemory() int64 {
	var alive, peak int64
	readers := m.readers()
	for _, in := range m.Inputs {
		alive += m.bytes[in.Value]
	}
	peak = alive
	for _, node := range m.Nodes {
		alive += m.bytes[node.Out]
		peak = max(peak, alive)
		for _, v := range node.In {
			alive -= m.drop(readers, v)
		}
	}
	return peak
}

// readers counts how often each memory is still going to be read.
func (m *model) readers() []int {
	n := make([]int, len(m.Values))
	for _, node := range m.Nodes {
		for _, v := range node.In {
			n[m.storage[v]]++
		}
	}
	for _, v := range m.Outputs {
		n[m.storage[v]]++
	}
	return n
}

// drop notes one reading of v and returns the bytes that this frees.
func (m *model) drop(readers []int, v int) int64 {
	s := m.storage[v]
	readers[s]--
	if readers[s] == 0 {
		return m.bytes[s]
	}
	return 0
}

// trainingMemory plays a forward and a backward pass. It returns the bytes that
// the forward pass keeps and the most alive at one time, gradients of
// activations included.
func (m *model) trainingMemory() (kept, peak int64) {
	savers := m.savers()
	var alive int64
	readers := m.readers()
	for _, in := range m.Inputs {
		alive += m.bytes[in.Value]
	}
	for _, node := range m.Nodes {
		alive += m.bytes[node.Out]
		peak = max(peak, alive)
		for _, v := range node.In {
			if freed := m.drop(readers, v); savers[m.storage[v]] == 0 {
				alive -= freed
			}
		}
	}
	for v, n := range savers {
		if n > 0 {
			kept += m.bytes[v]
		}
	}
	return kept, max(peak, m.backwardPeak(savers, alive))
}

// savers counts, by memory, the operations whose gradient needs it.
func (m *model) savers() []int {
	n := make([]int, len(m.Values))
	for i := range m.Nodes {
		for _, v := range m.saved(i) {
			n[m.storage[v]]++
		}
	}
	return n
}

// saved lists the values that the gradient of node i is computed from.
func (m *model) saved(i int) []int {
	node := m.Nodes[i]
	switch op := node.Op.(type) {
	case nn.Conv, nn.ConvTranspose, nn.GroupNormOp, nn.InstanceNormOp, nn.LayerNormOp:
		return node.In[:1]
	case nn.MatMulOp:
		return node.In
	case nn.SoftmaxOp, nn.DropoutOp:
		return []int{node.Out}
	case nn.Activation:
		if op.Function == nn.ActGELU || op.Function == nn.ActSiLU {
			return node.In
		}
		return []int{node.Out}
	case nn.Binary:
		if op.Operation == nn.BinaryMul || op.Operation == nn.BinaryDiv {
			return node.In
		}
	}
	return nil
}

// backwardPeak plays the backward pass: gradients of results turn into
// gradients of inputs, and what an operation had kept is let go. A tensor that
// is read twice gets its gradient in two parts, which are added into a third.
func (m *model) backwardPeak(savers []int, alive int64) (peak int64) {
	gradient := make([]bool, len(m.Values))
	grow := func(v int) {
		switch s := m.storage[v]; {
		case m.Values[s].Source != nn.FromNode:
		case gradient[s]:
			peak = max(peak, alive+2*m.bytes[s])
		default:
			gradient[s] = true
			alive += m.bytes[s]
		}
	}
	for _, v := range m.Outputs {
		grow(v)
	}
	peak = max(peak, alive)
	for i, node := range slices.Backward(m.Nodes) {
		if m.storage[node.Out] == node.Out { // else it is its input's memory, and so is its gradient
			for _, v := range node.In {
				grow(v)
			}
			peak = max(peak, alive)
			if gradient[node.Out] {
				gradient[node.Out] = false
				alive -= m.bytes[node.Out]
			}
		}
		for _, v := range m.saved(i) {
			s := m.storage[v]
			if savers[s]--; savers[s] == 0 {
				alive -= m.bytes[s]
			}
		}
	}
	return peak
}
