package torch

import (
	"encoding/binary"
	"fmt"
	"math"

	lib "github.com/sugarme/gotch/libtch"

	"github.com/minivess/minivess/engine/nn"
)

// State copies all weights and buffers to the host, in order of declaration.
func (m *Module) State() (s *nn.State, err error) {
	defer guard("read the weights", &err)()
	if m.closed {
		return nil, ErrClosed
	}
	s = &nn.State{}
	for _, p := range m.params {
		t, err := m.download(p)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", p.Name, err)
		}
		if err := s.Add(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (m *Module) download(p nn.Param) (nn.Tensor, error) {
	if t, ok := m.whole[p.Name]; ok {
		return t, nil
	}
	h, err := m.weight(p.Name)
	if err != nil {
		return nn.Tensor{}, err
	}
	values, err := toHost(h)
	if err != nil {
		return nn.Tensor{}, err
	}
	return nn.FloatTensor(p.Name, p.Shape, values)
}

// LoadState copies weights in by name; any floating-point type is converted to
// float32. The report says what matched. Strict refuses a state that is not
// exactly the network's, with nn.ErrState, and changes nothing; otherwise what
// matches is loaded and the rest left as it is. A tensor with NaN or infinite
// elements is refused either way.
func (m *Module) LoadState(s *nn.State, strict bool) (report nn.KeyReport, err error) {
	defer guard("load the weights", &err)()
	if m.closed {
		return nn.KeyReport{}, ErrClosed
	}
	report = nn.Compare(m.params, s)
	if err := report.Err(); err != nil && strict {
		return report, err
	}
	fresh := make([]handle, len(report.Matched))
	defer freeAll(fresh)
	for i, name := range report.Matched {
		t, _ := s.Get(name)
		if !t.DType.Float() {
			continue
		}
		if err := finite(t); err != nil {
			return report, err
		}
		if fresh[i], err = m.upload(t); err != nil {
			return report, fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	return report, m.replace(s, report.Matched, fresh)
}

// replace overwrites the weights named, now that all of them are known good.
func (m *Module) replace(s *nn.State, names []string, fresh []handle) error {
	defer setGrad(false)()
	m.dropTape()
	for i, name := range names {
		if fresh[i] == nil {
			m.whole[name], _ = s.Get(name)
			continue
		}
		h, err := m.weight(name)
		if err != nil {
			return err
		}
		lib.AtCopy_(h, fresh[i])
		if err := lastError(); err != nil {
			return fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	return nil
}

// finite refuses weights that no training can mend.
func finite(t nn.Tensor) error {
	sick := func(i int, v float64) error {
		return fmt.Errorf("%w: tensor %q is %v at element %d; use an earlier checkpoint", nn.ErrState, t.Name, v, i)
	}
	if t.DType == nn.F32 {
		const exponent = 0x7f800000 // all ones in NaN and the infinities alone
		for i := 0; i+4 <= len(t.Data); i += 4 {
			if bits := binary.LittleEndian.Uint32(t.Data[i:]); bits&exponent == exponent {
				return sick(i/4, float64(math.Float32frombits(bits)))
			}
		}
		return nil
	}
	values, err := t.Float32()
	if err != nil {
		return err
	}
	for i, v := range values {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return sick(i, f)
		}
	}
	return nil
}
