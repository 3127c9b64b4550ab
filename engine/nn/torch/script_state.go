package torch

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch"
	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
)

// State copies all weights and buffers to the host.
func (s *Script) State() (state *nn.State, err error) {
	defer guard("read the weights", &err)()
	if s.c == nil {
		return nil, ErrClosed
	}
	state = &nn.State{}
	for i, p := range s.params {
		t, err := s.download(i)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		if err := state.Add(t); err != nil {
			return nil, err
		}
	}
	return state, nil
}

func (s *Script) download(i int) (nn.Tensor, error) {
	p, h := s.params[i], raw(s.weights[i])
	if p.Type().Float() {
		values, err := toHost(h)
		if err != nil {
			return nn.Tensor{}, err
		}
		return nn.FloatTensor(p.Name, p.Shape, values)
	}
	host, err := call(func(r *handle) { lib.AtgTo(r, h, gotch.CPU.CInt()) })
	if err != nil {
		return nn.Tensor{}, err
	}
	defer free(host)
	values := make([]int64, p.Shape.Elements())
	if len(values) > 0 {
		lib.AtCopyData(host, unsafe.Pointer(&values[0]), uint(len(values)), 8) //nolint:gosec // sized above
		if err := lastError(); err != nil {
			return nn.Tensor{}, err
		}
	}
	return nn.IntTensor(p.Name, p.Shape, values)
}

// LoadState copies weights in by name, as Module.LoadState does.
func (s *Script) LoadState(state *nn.State, strict bool) (report nn.KeyReport, err error) {
	defer guard("load the weights", &err)()
	if s.c == nil {
		return nn.KeyReport{}, ErrClosed
	}
	report = nn.Compare(s.params, state)
	if err := report.Err(); err != nil && strict {
		return report, err
	}
	for _, name := range report.Matched {
		if t, _ := state.Get(name); t.DType.Float() {
			if err := finite(t); err != nil {
				return report, err
			}
		}
	}
	defer setGrad(false)()
	for i, p := range s.params {
		if t, ok := state.Get(p.Name); ok && t.Shape.Equal(p.Shape) {
			if err := s.upload(i, t); err != nil {
				return report, fmt.Errorf("parameter %q: %w", p.Name, err)
			}
		}
	}
	return report, nil
}

func (s *Script) upload(i int, t nn.Tensor) error {
	if t.Shape.Elements() == 0 {
		return nil
	}
	fresh, err := s.fromTensor(t)
	if err != nil {
		return err
	}
	defer free(fresh)
	to := raw(s.weights[i])
	if len(t.Shape) == 0 { // where fresh has one axis
		if to, err = call(func(r *handle) { lib.AtgUnsqueeze(r, to, 0) }); err != nil {
			return err
		}
		defer free(to)
	}
	lib.AtCopy_(to, fresh)
	return lastError()
}

func (s *Script) fromTensor(t nn.Tensor) (handle, error) {
	if t.DType.Float() {
		values, err := t.Float32()
		if err != nil {
			return nil, err
		}
		return fromHost(values, t.Shape, s.device)
	}
	values := make([]int, t.Shape.Elements())
	for i := range values {
		values[i] = int(int64(binary.LittleEndian.Uint64(t.Data[8*i:])))
	}
	return fromHostInts(values, s.device)
}
