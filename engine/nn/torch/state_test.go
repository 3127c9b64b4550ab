package torch_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/sugarme/gotch"

	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/torch"
)

// buffered is a network with every kind of state: trained, constant, whole.
func buffered() (nn.Forward, []nn.Param) {
	forward := func(g nn.Graph, in nn.Inputs) (nn.Outputs, error) {
		return nn.Outputs{Logits: nn.Mul(g, nn.Mul(g, in.Image, g.Param("w")), g.Param("c"))}, nil
	}
	return forward, []nn.Param{
		{Name: "w", Shape: nn.Shape{2}, Init: nn.Ones()},
		{Name: "c", Shape: nn.Shape{1}, Init: nn.Ones(), Buffer: true},
		{Name: "index", Shape: nn.Shape{3}, Buffer: true, DType: nn.I64, Init: nn.Init{Kind: nn.InitInts, Ints: []int64{4, 5, 6}}},
	}
}

func states(t *testing.T, tensors ...nn.Tensor) *nn.State {
	t.Helper()
	s := &nn.State{}
	for _, x := range tensors {
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func floatTensor(t *testing.T, name string, shape nn.Shape, v ...float32) nn.Tensor {
	t.Helper()
	x, err := nn.FloatTensor(name, shape, v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	forward, params := buffered()
	m := moduleOf(t, forward, params)
	if n := len(m.Parameters()); n != 1 {
		t.Errorf("%d trained parameters, want 1", n)
	}
	whole, err := nn.IntTensor("index", nn.Shape{3}, []int64{-7, 8, 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	half := nn.Tensor{Name: "w", DType: nn.BF16, Shape: nn.Shape{2}, Data: []byte{0x80, 0x3f, 0x00, 0xc0}} // 1, -2
	report, err := m.LoadState(states(t, whole, floatTensor(t, "c", nn.Shape{1}, 3), half), true)
	if err != nil || len(report.Matched) != 3 {
		t.Fatalf("%+v: %v", report, err)
	}
	got, _, err := m.Predict([]float32{1, 10}, nn.Shape{1, 1, 1, 1, 2})
	if err != nil || got[0] != 3 || got[1] != -60 {
		t.Errorf("predicts %v: %v", got, err)
	}
	s, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for x := range s.All() {
		names = append(names, x.Name)
	}
	index, _ := s.Get("index")
	if strings.Join(names, " ") != "w c index" || !bytes.Equal(index.Data, whole.Data) {
		t.Errorf("state has %v, index %v", names, index.Data)
	}
}

func TestLoadStateRefuses(t *testing.T) {
	t.Parallel()
	forward, params := buffered()
	m := moduleOf(t, forward, params)
	before, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	wrong := states(t, floatTensor(t, "w", nn.Shape{3}, 1, 2, 3), floatTensor(t, "c", nn.Shape{1}, 9), floatTensor(t, "more", nn.Shape{1}, 9))
	report, err := m.LoadState(wrong, true)
	if !errors.Is(err, nn.ErrState) || !strings.Contains(err.Error(), `1 missing ("index"); 1 unexpected ("more"); 1 mismatched ("w" wants F32 2, found F32 3); 1 matched`) {
		t.Errorf("strict: %v", err)
	}
	if len(report.Missing) != 1 || len(report.Unexpected) != 1 || len(report.Mismatched) != 1 {
		t.Errorf("report %+v", report)
	}
	sick := states(t, floatTensor(t, "c", nn.Shape{1}, 9), floatTensor(t, "w", nn.Shape{2}, 1, float32(math.NaN())))
	if _, err := m.LoadState(sick, false); !errors.Is(err, nn.ErrState) || !strings.Contains(err.Error(), `"w" is NaN at element 1`) {
		t.Errorf("NaN: %v", err)
	}
	after, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	for x := range before.All() {
		if y, _ := after.Get(x.Name); !bytes.Equal(x.Data, y.Data) {
			t.Errorf("a refused load changed %s", x.Name)
		}
	}
	sickHalf := states(t, nn.Tensor{Name: "w", DType: nn.BF16, Shape: nn.Shape{2}, Data: []byte{0x80, 0x3f, 0x80, 0xff}})
	if _, err := m.LoadState(sickHalf, false); !errors.Is(err, nn.ErrState) || !strings.Contains(err.Error(), `"w" is -Inf at element 1`) {
		t.Errorf("infinity: %v", err)
	}
	if report, err = m.LoadState(wrong, false); err != nil || len(report.Matched) != 1 {
		t.Errorf("lenient: %+v, %v", report, err)
	}
}

// Equal seeds give equal weights; other seeds do not.
func TestSeeds(t *testing.T) {
	t.Parallel()
	net := nntest.EveryOp{}
	state := func(seed int64) *nn.State {
		m, err := torch.NewModule(net.Forward, net.TrainableParameters(), gotch.CPU, seed)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}()
		s, err := m.State()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b, c := state(1), state(1), state(2)
	for x := range a.All() {
		y, _ := b.Get(x.Name)
		z, _ := c.Get(x.Name)
		if !bytes.Equal(x.Data, y.Data) {
			t.Errorf("%s differs for one seed", x.Name)
		}
		if bytes.Equal(x.Data, z.Data) && !strings.HasPrefix(x.Name, "batch") { // those begin as ones and zeros
			t.Errorf("%s is the same for two seeds", x.Name)
		}
	}
}
