package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/runs"
)

// The default split keeps 20 % for testing and makes 4 folds of the rest: of
// 10 volumes 6 train, 2 validate and 2 test.
const (
	DefaultFolds        = 4
	DefaultTestFraction = 0.2
)

// The parts that a volume can play.
const (
	SplitTrain = "train"
	SplitVal   = "val"
	SplitTest  = "test"
)

// SplitRequest asks for a split. Volumes of one patient, and volumes with the
// same image, always stay together; a volume is never divided.
type SplitRequest struct {
	// Folds is the number of cross-validation folds; 0 means DefaultFolds, or
	// fewer when there are fewer patients.
	Folds int
	// TestFraction of the volumes is kept for testing: 0 ≤ f < 1, nil means
	// DefaultTestFraction. At least one patient is, when f > 0.
	TestFraction *float64
	Seed         int64
}

// Split says who tests and who validates in which fold; the rest trains.
type Split struct {
	Seed         int64      `json:"seed"`
	TestFraction float64    `json:"test_fraction"`
	Unit         string     `json:"unit"` // "volume", or "patient" when some have several
	Test         []string   `json:"test"`
	Folds        [][]string `json:"folds"` // the validation volumes of each fold
	// Note says what a small dataset does not allow; empty when all is well.
	Note    string    `json:"note,omitempty"`
	Created time.Time `json:"created"`
}

// Refs gives the volumes with absolute paths and the part each plays in a
// fold, sorted by ID. A dataset without a split is an error.
func (d Dataset) Refs(fold int) ([]runs.VolumeRef, error) {
	if d.Split == nil {
		return nil, fmt.Errorf("%w: dataset %q has not been split; split it first", ErrSplit, d.Name)
	}
	if fold < 0 || fold >= len(d.Split.Folds) {
		return nil, fmt.Errorf("%w: fold %d of dataset %q; it has folds 0 to %d", ErrSplit, fold, d.Name, len(d.Split.Folds)-1)
	}
	refs := make([]runs.VolumeRef, 0, len(d.Volumes))
	for _, v := range d.Volumes {
		role := SplitTrain
		switch {
		case slices.Contains(d.Split.Test, v.ID):
			role = SplitTest
		case slices.Contains(d.Split.Folds[fold], v.ID):
			role = SplitVal
		}
		refs = append(refs, runs.VolumeRef{
			ID: v.ID, Image: d.ImagePath(v), Label: d.LabelPath(v),
			ImageSHA256: v.ImageSHA256, LabelSHA256: v.LabelSHA256,
			Shape: v.Shape, Spacing: v.Spacing, Unit: v.Unit, Split: role,
		})
	}
	return refs, nil
}

// Counts gives the number of training, validation and test volumes of a fold.
func (d Dataset) Counts(fold int) (train, val, test int) {
	if d.Split == nil || fold < 0 || fold >= len(d.Split.Folds) {
		return 0, 0, 0
	}
	val, test = len(d.Split.Folds[fold]), len(d.Split.Test)
	return len(d.Volumes) - val - test, val, test
}

// MakeSplit divides volumes by patient. The order in which patients are drawn
// depends on the seed and their names alone, so a dataset that grows keeps
// most of its split. With few patients it does what is possible and says so in
// Note: one patient only trains; two train and test; three train, validate and
// test one each.
func MakeSplit(volumes []Volume, r SplitRequest) (*Split, error) {
	fraction := DefaultTestFraction
	if r.TestFraction != nil {
		fraction = *r.TestFraction
	}
	if !(fraction >= 0 && fraction < 1) {
		return nil, fmt.Errorf("%w: test fraction %g; it should be at least 0 and below 1", ErrSplit, fraction)
	}
	if r.Folds < 0 {
		return nil, fmt.Errorf("%w: %d folds", ErrSplit, r.Folds)
	}
	if len(volumes) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to split", ErrEmpty)
	}
	groups := draw(volumes, r.Seed)
	s := &Split{Seed: r.Seed, TestFraction: fraction, Unit: "volume", Test: []string{}}
	if len(groups) < len(volumes) {
		s.Unit = "patient"
	}
	rest := s.takeTest(groups, len(volumes))
	if err := s.makeFolds(rest, r.Folds); err != nil {
		return nil, err
	}
	s.Note = note(len(groups), len(s.Test) > 0)
	return s, nil
}

func note(groups int, test bool) string {
	switch {
	case groups == 1:
		return "with one patient nothing can be held out: all of it trains"
	case groups == 2 && test:
		return "with two patients one trains and one tests; nothing is left to validate on"
	case groups < 5:
		return fmt.Sprintf("with %d patients a score on held-out volumes is an anecdote", groups)
	}
	return ""
}

// takeTest keeps groups for testing until the fraction is met as closely as
// whole groups allow, and returns the others. At least one group trains.
func (s *Split) takeTest(groups [][]string, volumes int) [][]string {
	if s.TestFraction == 0 {
		return groups
	}
	want := max(1, int(math.Round(s.TestFraction*float64(volumes))))
	var rest [][]string
	for i, g := range groups {
		left := len(groups) - i - 1 + len(rest)
		closer := abs(len(s.Test)+len(g)-want) <= abs(len(s.Test)-want)
		if left >= 1 && len(s.Test) < want && (closer || len(s.Test) == 0) {
			s.Test = append(s.Test, g...)
			continue
		}
		rest = append(rest, g)
	}
	slices.Sort(s.Test)
	return rest
}

// makeFolds deals groups to folds, each to the one that has fewest volumes.
func (s *Split) makeFolds(groups [][]string, folds int) error {
	switch {
	case len(groups) == 1 && folds <= 1:
		s.Folds = [][]string{{}}
		return nil
	case folds > len(groups):
		return fmt.Errorf("%w: %d folds need %d patients outside the test set, there are %d", ErrSplit, folds, max(2, folds), len(groups))
	}
	// One fold is the first of the default's.
	dealt := folds
	if folds <= 1 {
		dealt = min(DefaultFolds, len(groups))
	}
	s.Folds = make([][]string, dealt)
	for _, g := range groups {
		least := 0
		for i := range s.Folds {
			if len(s.Folds[i]) < len(s.Folds[least]) {
				least = i
			}
		}
		s.Folds[least] = append(s.Folds[least], g...)
	}
	for i := range s.Folds {
		slices.Sort(s.Folds[i])
	}
	if folds == 1 {
		s.Folds = s.Folds[:1]
	}
	return nil
}

// draw groups volumes that must stay together and puts the groups into an
// order that the seed decides.
func draw(volumes []Volume, seed int64) [][]string {
	groups := together(volumes)
	keys := make(map[string][sha256.Size]byte, len(groups))
	key := func(g []string) string { return strings.Join(g, "\x00") }
	for _, g := range groups {
		b := binary.LittleEndian.AppendUint64(nil, uint64(seed))
		keys[key(g)] = sha256.Sum256(append(b, key(g)...))
	}
	slices.SortFunc(groups, func(a, b []string) int {
		x, y := keys[key(a)], keys[key(b)]
		return slices.Compare(x[:], y[:])
	})
	return groups
}

// together gives the IDs of volumes that share a patient or an image.
func together(volumes []Volume) [][]string {
	group := make([]int, len(volumes)) // index of a volume in the same group
	for i := range group {
		group[i] = i
	}
	root := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	seen := map[string]int{}
	join := func(key string, i int) {
		if first, ok := seen[key]; ok {
			group[root(i)] = root(first)
			return
		}
		seen[key] = i
	}
	for i, v := range volumes {
		if v.Patient != "" {
			join("patient "+v.Patient, i)
		}
		if v.ImageSHA256 != "" {
			join("image "+v.ImageSHA256, i)
		}
	}
	members := map[int][]string{}
	for i, v := range volumes {
		members[root(i)] = append(members[root(i)], v.ID)
	}
	groups := make([][]string, 0, len(members))
	for _, g := range members {
		slices.Sort(g)
		groups = append(groups, g)
	}
	return groups
}

func abs(i int) int { return max(i, -i) }
