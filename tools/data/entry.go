package data

import (
	"fmt"
	"time"

	"github.com/minivess/minivess/engine/dataset"
	"github.com/minivess/minivess/tools"
)

// Entry is a dataset in a few words.
type Entry struct {
	Dataset    string    `json:"dataset" jsonschema:"name in the catalogue"`
	Volumes    int       `json:"volumes" jsonschema:"number of volumes"`
	Layout     string    `json:"layout" jsonschema:"how its files are laid out"`
	Foreground float64   `json:"foreground" jsonschema:"mean share of labelled voxels, 0 to 1"`
	Bytes      int64     `json:"bytes" jsonschema:"size of all files"`
	Digest     string    `json:"digest" jsonschema:"SHA-256 over the contents"`
	Created    time.Time `json:"created" jsonschema:"when it was added"`
	Split      *Parts    `json:"split,omitempty" jsonschema:"how it is divided"`
}

// Parts says how many volumes play which part, in the first fold.
type Parts struct {
	Train int    `json:"train" jsonschema:"training volumes in fold 0"`
	Val   int    `json:"val" jsonschema:"validation volumes in fold 0"`
	Test  int    `json:"test" jsonschema:"test volumes"`
	Folds int    `json:"folds" jsonschema:"number of folds"`
	By    string `json:"by" jsonschema:"what is kept together: volume or patient"`
	Seed  int64  `json:"seed" jsonschema:"seed of the split"`
	Note  string `json:"note,omitempty" jsonschema:"what a small dataset does not allow"`
}

func entryOf(d dataset.Dataset) Entry {
	return Entry{
		Dataset: d.Name, Volumes: len(d.Volumes), Layout: string(d.Layout), Foreground: d.Foreground(),
		Bytes: d.Bytes(), Digest: d.Digest, Created: d.Created, Split: partsOf(d),
	}
}

func partsOf(d dataset.Dataset) *Parts {
	if d.Split == nil {
		return nil
	}
	p := Parts{Folds: len(d.Split.Folds), By: d.Split.Unit, Seed: d.Split.Seed, Note: d.Split.Note}
	p.Train, p.Val, p.Test = d.Counts(0)
	return &p
}

// String writes the split as in "split 6/2/2 by volume".
func (p *Parts) String() string {
	if p == nil {
		return "not split"
	}
	return fmt.Sprintf("split %d/%d/%d by %s", p.Train, p.Val, p.Test, p.By)
}

// sentence sums a dataset up: "10 volumes, 3.1 % foreground, split 6/2/2 by volume".
func (e Entry) sentence() string {
	return fmt.Sprintf("%s, %.1f %% foreground, %s", tools.Count(e.Volumes, "volume"), 100*e.Foreground, e.Split)
}
