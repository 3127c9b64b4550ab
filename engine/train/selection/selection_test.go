package selection_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/train/selection"
)

func params() []nn.Param {
	return []nn.Param{
		{Name: "encoder1.conv.weight", Shape: nn.Shape{4, 5}},
		{Name: "encoder1.norm.running_mean", Shape: nn.Shape{4}, Buffer: true},
		{Name: "encoder2.conv.weight", Shape: nn.Shape{10}},
		{Name: "decoder.0.bias", Shape: nn.Shape{3}},
		{Name: "out.bias", Shape: nn.Shape{2}},
	}
}

func TestMake(t *testing.T) {
	t.Parallel()
	none := 0.0
	s, err := selection.Make(params(), config.Train{
		WeightDecay: 0.5, Freeze: []string{"encoder[1]*"},
		Groups: []config.Group{{Pattern: "*bias", LearningRateScale: 1, WeightDecay: &none}, {Pattern: "decoder.*", LearningRateScale: 9}, {Pattern: "encoder*", LearningRateScale: 0.1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := params()
	want := selection.Selection{
		Trained: []selection.Rule{{Param: p[2], Scale: 0.1, Decay: 0.5}, {Param: p[3], Scale: 1}, {Param: p[4], Scale: 1}},
		Frozen:  []nn.Param{p[0]},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if trained, all := s.Counts(); trained != 15 || all != 35 {
		t.Errorf("%d of %d", trained, all)
	}
	if got := s.String(); got != "15 of 35 parameters trained" {
		t.Error(got)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		train config.Train
		want  string
	}{
		{config.Train{Freeze: []string{"encodr1.*"}}, `train.freeze "encodr1.*" matches no parameter; did you mean encoder1.* or encoder2.*`},
		{config.Train{Freeze: []string{"encoder1"}}, `did you mean encoder1.*`},
		{config.Train{Freeze: []string{"encoder1.norm.*"}}, `matches no parameter`}, // a buffer is not trained anyway
		{config.Train{Groups: []config.Group{{Pattern: "swinViT.*", LearningRateScale: 1}}}, `train.groups "swinViT.*" matches no parameter; names begin with encoder1, encoder2, decoder, out`},
		{config.Train{Freeze: []string{"*"}}, `train.freeze "*" leaves none of 4 parameters to train`},
		{config.Train{Freeze: []string{"[a"}}, `train.freeze "[a": syntax error in pattern`},
	} {
		_, err := selection.Make(params(), c.train)
		if !errors.Is(err, selection.ErrPattern) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.train, err)
		}
	}
}

// Every parameter that is no buffer is either trained or frozen, once, and in
// order; no pattern makes the choice fail half-way.
func TestEveryParameterHasItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		pattern := rapid.StringMatching(`[a-z.*?\[\]0-9\\]{0,12}`)
		train := config.Train{Freeze: rapid.SliceOfN(pattern, 0, 3).Draw(rt, "freeze")}
		for _, p := range rapid.SliceOfN(pattern, 0, 3).Draw(rt, "groups") {
			train.Groups = append(train.Groups, config.Group{Pattern: p, LearningRateScale: 2})
		}
		s, err := selection.Make(params(), train)
		if err != nil {
			if !errors.Is(err, selection.ErrPattern) {
				rt.Fatal(err)
			}
			return
		}
		if len(s.Trained)+len(s.Frozen) != 4 || len(s.Trained) == 0 {
			rt.Fatalf("%d trained, %d frozen", len(s.Trained), len(s.Frozen))
		}
	})
}
