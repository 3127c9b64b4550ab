package planner

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/train/selection"
)

// TestNetworksAreWhatTheyAre holds what the planner says of networks against
// the networks: their names, every option, and the parts that can be frozen.
func TestNetworksAreWhatTheyAre(t *testing.T) {
	t.Parallel()
	var names []string
	for _, n := range networks() {
		names = append(names, n.name)
		d, err := models.Describe(n.name)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, o := range d.Options {
			if o.Name != "in_channels" && o.Name != "out_channels" { // the dataset's business
				want[o.Name] = reflect.TypeOf(o.Default) == reflect.TypeFor[bool]()
			}
		}
		got := map[string]bool{}
		for o := range strings.FieldsSeq(n.options) {
			name, marked := strings.CutSuffix(o, "?")
			got[name] = marked
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("options of %s (-want +got):\n%s", n.name, diff)
		}
		checkParts(t, n, d.Small)
	}
	if diff := cmp.Diff(models.Names(), names); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	for alias, name := range modelAliases() {
		if len(alias) < 4 && slices.Contains(names, name) {
			t.Errorf("%q is too short for a name", alias)
		}
	}
}

// checkParts freezes each part with small and with default options: every
// pattern must match, something must be left to train, and encoder and decoder
// must have nothing in common.
func checkParts(t *testing.T, n network, small map[string]any) {
	t.Helper()
	for _, options := range []map[string]any{nil, small} {
		m, err := models.New(n.name, options)
		if err != nil {
			t.Fatal(err)
		}
		frozen := map[string]map[string]bool{}
		for part, patterns := range map[string][]string{"encoder": n.encoder, "decoder": n.decoder, "head": n.head} {
			if len(patterns) == 0 {
				continue
			}
			s, err := selection.Make(m.TrainableParameters(), config.Train{Freeze: patterns})
			if err != nil {
				t.Errorf("%s of %s: %v", part, n.name, err)
			}
			frozen[part] = map[string]bool{}
			for _, p := range s.Frozen {
				frozen[part][p.Name] = true
			}
		}
		for p := range frozen["encoder"] {
			if frozen["decoder"][p] || frozen["head"][p] {
				t.Errorf("%s of %s belongs to two parts", p, n.name)
			}
		}
	}
}

// TestLevels: the option that stands for a number of levels makes a network of
// so many, which halves the size as often.
func TestLevels(t *testing.T) {
	t.Parallel()
	for _, n := range networks() {
		for count := 3; count <= 5; count++ {
			key, val := n.levels(count)
			if key == "" {
				continue
			}
			set, err := config.Resolve(config.MapLayer("test", map[string]any{"dataset": "toy", "model.name": n.name}), config.OverridesLayer([]string{"model.options." + key + "=" + val}))
			if err != nil {
				t.Fatal(err)
			}
			options := maps.Clone(set.Experiment.Model.Options())
			m, err := models.New(n.name, options)
			if err != nil {
				t.Fatalf("%s with %s=%s: %v", n.name, key, val, err)
			}
			if got, want := m.Config().Divisor, 1<<(count-1); got != [3]int{want, want, want} {
				t.Errorf("%s with %d levels divides by %v, want %d", n.name, count, got, want)
			}
		}
	}
}
