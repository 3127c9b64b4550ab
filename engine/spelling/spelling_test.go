package spelling_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/spelling"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "dice", 4},
		{"dice", "dice", 0},
		{"lerning_rate", "learning_rate", 1},
		{"segrestnet", "segresnet", 1},
		{"trian", "train", 1}, // a swap is one slip, not two
		{"kitten", "sitting", 3},
		{"ä", "a", 1}, // letters, not bytes
	} {
		if got := spelling.Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDistanceLaws(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[a-d]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := spelling.Distance(a, b)
		switch {
		case d != spelling.Distance(b, a):
			t.Error("not symmetric")
		case (d == 0) != (a == b):
			t.Errorf("distance %d of %q and %q", d, a, b)
		case d > max(len(a), len(b)):
			t.Errorf("distance %d is more than writing the word anew", d)
		}
	})
}
