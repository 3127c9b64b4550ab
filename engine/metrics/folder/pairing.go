// Package folder scores files: one prediction against its reference, or two
// folders of them, several volumes at a time within a limit of memory. It pairs
// files by name, reads them, puts a prediction onto its reference's grid when
// asked to, and makes one table of all scores. What the scores mean belongs to
// engine/metrics, statistics over cases to engine/metrics/cases, and where the
// table is written to the caller.
package folder

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/volume"
)

// The errors of pairing.
var (
	// ErrAmbiguous means that several files of a folder could be the same case.
	ErrAmbiguous = errors.New("several files for one case")
	// ErrNoPairs means that no file of one folder has a partner in the other.
	ErrNoPairs = errors.New("no file has a partner")
)

// Pair is a reference and the prediction that belongs to it.
type Pair struct {
	Case       string `json:"case"`
	Reference  string `json:"reference"`
	Prediction string `json:"prediction,omitempty"` // "" when there is none
}

// Pairing is what two folders have in common.
type Pairing struct {
	Pairs   []Pair   // by case
	Missing []Pair   // references without a prediction
	Extra   []string // predictions without a reference
}

// suffixes are what programs append to a case's name; nnU-Net's channel number
// is the first.
func suffixes() []string {
	return []string{
		"_0000", "_pred", "_prediction", "_predicted", "_predictions", "_seg", "_segmentation", "_mask", "_masks", "_label", "_labels",
		"_lbl", "_gt", "_groundtruth", "_ground_truth", "_ref", "_reference", "_truth", "_manual", "_prob", "_probs", "_probability",
		"_probabilities", "_out", "_output", "_y",
	}
}

// Match pairs the NIfTI files of two folders, not looking into folders within
// them: first those of the same name, .nii and .nii.gz being the same, then
// those whose names are the same without suffixes such as _0000, _pred and
// _seg. A case is called by the reference's name, without the suffix if the two
// names differ. Errors wrap ErrAmbiguous, ErrNoPairs, or come from the system.
func Match(reference, prediction string) (Pairing, error) {
	references, err := List(reference)
	if err != nil {
		return Pairing{}, err
	}
	predictions, err := List(prediction)
	if err != nil {
		return Pairing{}, err
	}
	var p Pairing
	for _, stem := range slices.Sorted(maps.Keys(references)) {
		if path, ok := predictions[stem]; ok {
			p.Pairs = append(p.Pairs, Pair{stem, references[stem], path})
			delete(references, stem)
			delete(predictions, stem)
		}
	}
	left, err := reduced(references)
	if err != nil {
		return Pairing{}, err
	}
	right, err := reduced(predictions)
	if err != nil {
		return Pairing{}, err
	}
	for name, stem := range left {
		other, ok := right[name]
		if !ok {
			p.Missing = append(p.Missing, Pair{Case: name, Reference: references[stem]})
			continue
		}
		p.Pairs = append(p.Pairs, Pair{name, references[stem], predictions[other]})
		delete(right, name)
	}
	for _, stem := range right {
		p.Extra = append(p.Extra, predictions[stem])
	}
	slices.SortFunc(p.Pairs, byCase)
	slices.SortFunc(p.Missing, byCase)
	slices.Sort(p.Extra)
	if len(p.Pairs) == 0 {
		return Pairing{}, fmt.Errorf("%w: %d NIfTI files in %q, %d in %q, and no name in common", ErrNoPairs,
			len(p.Missing), reference, len(p.Extra), prediction)
	}
	return p, nil
}

func byCase(a, b Pair) int { return strings.Compare(a.Case, b.Case) }

// List gives the NIfTI files of a folder by name without extension. A pair of
// .hdr and .img is one file; hidden files and folders are left out.
func List(folder string) (map[string]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, e := range entries {
		stem, ok := volume.Stem(e.Name())
		if !ok || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(folder, e.Name())
		other, taken := files[stem]
		switch {
		case !taken:
			files[stem] = path
		case samePair(other, path):
		default:
			return nil, fmt.Errorf("%w: %q and %q in %q; leave one of the two", ErrAmbiguous, filepath.Base(other), e.Name(), folder)
		}
	}
	return files, nil
}

// samePair tells whether two files are the header and the image of one volume.
func samePair(a, b string) bool {
	plain := func(path string) string {
		return strings.ToLower(strings.TrimSuffix(filepath.Ext(strings.TrimSuffix(path, ".gz")), ".gz"))
	}
	x, y := plain(a), plain(b)
	return x == ".hdr" && y == ".img" || x == ".img" && y == ".hdr"
}

// reduced gives the names without suffixes, and whose they are.
func reduced(files map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, stem := range slices.Sorted(maps.Keys(files)) {
		name := Reduce(stem)
		if other, ok := out[name]; ok {
			return nil, fmt.Errorf("%w: %q and %q could both be %q; rename or remove one of them", ErrAmbiguous,
				files[other], files[stem], name)
		}
		out[name] = stem
	}
	return out, nil
}

// Reduce takes the suffixes that programs append off a case's name, be they set
// off by an underscore, a hyphen or a dot.
func Reduce(stem string) string {
	separated := strings.NewReplacer("-", "_", ".", "_")
	for again := true; again; {
		again = false
		for _, suffix := range suffixes() {
			at := len(stem) - len(suffix)
			if at > 0 && strings.EqualFold(separated.Replace(stem[at:]), suffix) {
				stem, again = stem[:at], true
			}
		}
	}
	return stem
}
