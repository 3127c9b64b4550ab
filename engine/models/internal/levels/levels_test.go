package levels_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/models/internal/levels"
)

func TestSizeFromJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]levels.Size{
		"3": {3, 3, 3}, "[1,2,3]": {1, 2, 3}, " [ -1 , 0 , 7 ] ": {-1, 0, 7},
	} {
		var got levels.Size
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %v, want %v: %v", text, got, want, err)
		}
	}
	for _, text := range []string{"2.5", `"3"`, "[1,2]", "[1,2,3,4]", "[1,2,3.5]", "{}", "true", "[[1,2,3]]", "99999999999999999999"} {
		got := levels.Size{9, 9, 9}
		if err := json.Unmarshal([]byte(text), &got); !errors.Is(err, levels.ErrSize) || got != (levels.Size{9, 9, 9}) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// Whatever is read comes back as it was.
func FuzzSize(f *testing.F) {
	for _, seed := range []string{"3", "[1,2,3]", "null", "[1,2", `"x"`, "1e3"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second levels.Size
		if json.Unmarshal(text, &first) != nil {
			return
		}
		again, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &second); err != nil || first != second {
			t.Errorf("%q gives %v, then %s gives %v: %v", text, first, again, second, err)
		}
	})
}

func TestWidths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		first, count, most int
		want               []int
	}{
		{32, 6, 320, []int{32, 64, 128, 256, 320, 320}},
		{8, 4, 320, []int{8, 16, 32, 64}},
		{200, 3, 320, []int{200, 320, 320}},
		{400, 3, 320, []int{400, 400, 400}},
		{5, 0, 320, []int{}},
	} {
		if got := levels.Widths(c.first, c.count, c.most); !slices.Equal(got, c.want) {
			t.Errorf("%d levels from %d: %v, want %v", c.count, c.first, got, c.want)
		}
	}
}

func TestProduct(t *testing.T) {
	t.Parallel()
	if got, want := levels.Product([]levels.Size{{1, 1, 1}, {2, 1, 3}, {2, 2, 1}}), [3]int{4, 2, 3}; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := levels.Product(levels.Halving(6)), [3]int{32, 32, 32}; got != want {
		t.Errorf("six levels divide by %v, want %v", got, want)
	}
	if got := levels.Halving(0); len(got) != 0 {
		t.Errorf("no levels have strides %v", got)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	if got := levels.Count(6); got != 6 {
		t.Errorf("nothing given: %d", got)
	}
	if got := levels.Count(6, 0, 4, 5); got != 4 {
		t.Errorf("the first list given has 4 levels: %d", got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kernel, stride levels.Size
		says           string
	}{
		{levels.Size{3, 1, 5}, levels.Size{2, 1, 8}, ""},
		{levels.Size{3, 2, 3}, levels.Size{1, 1, 1}, "kernel [3 2 3] at level 4: 2 must be odd, 1 to 15"},
		{levels.Size{3, 3, -1}, levels.Size{1, 1, 1}, "-1 must be odd"},
		{levels.Size{17, 3, 3}, levels.Size{1, 1, 1}, "17 must be odd, 1 to 15"},
		{levels.Size{3, 3, 3}, levels.Size{1, 0, 1}, "stride [1 0 1] at level 4: 0 must be 1 to 8"},
		{levels.Size{3, 3, 3}, levels.Size{1, 1, 9}, "9 must be 1 to 8"},
	} {
		err := levels.Check(4, c.kernel, c.stride)
		if (err == nil) != (c.says == "") || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("kernel %v, stride %v: got %v, want %q", c.kernel, c.stride, err, c.says)
		}
	}
}
