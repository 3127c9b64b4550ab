// Package dataset knows which volumes belong together: the workspace's
// catalogue, the importers that fill it, content digests, the split into
// training, validation and test volumes, and the checks that say whether a
// dataset is fit to be learnt from. It refers to files where they lie and never
// changes or copies them. How a file is read is engine/volume's business;
// intensities are normalised and patches drawn in engine/train.
package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Layout is the way a dataset's files are laid out on disk.
type Layout string

// The layouts that Import knows. LayoutAuto looks at the folder.
const (
	LayoutAuto      Layout = ""
	LayoutMiniVess  Layout = "minivess"  // raw/ seg/ json/
	LayoutPairs     Layout = "pairs"     // images/ labels/, or names of that kind
	LayoutDecathlon Layout = "decathlon" // dataset.json
)

// Dataset is an entry of the catalogue.
type Dataset struct {
	Name    string    `json:"name"`
	Root    string    `json:"root"` // absolute folder
	Layout  Layout    `json:"layout"`
	Digest  string    `json:"digest"` // SHA-256 over the members' digests
	Created time.Time `json:"created"`
	Volumes []Volume  `json:"volumes"` // sorted by ID
	Skipped []Skipped `json:"skipped,omitempty"`
	Split   *Split    `json:"split,omitempty"`
}

// Volume is an image with its label.
type Volume struct {
	ID          string     `json:"id"`
	Patient     string     `json:"patient"`
	Image       string     `json:"image"` // slash path relative to the dataset's root
	Label       string     `json:"label"`
	Shape       [3]int     `json:"shape"`
	Spacing     [3]float64 `json:"spacing"` // in Unit
	Unit        string     `json:"unit"`
	Bytes       int64      `json:"bytes"` // of both files
	ImageSHA256 string     `json:"image_sha256"`
	LabelSHA256 string     `json:"label_sha256"`
	Foreground  float64    `json:"foreground"`   // fraction of voxels with a label above 0
	LabelValues []int      `json:"label_values"` // the values that occur, ascending
}

// Skipped is a volume that an import left out, and why.
type Skipped struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// ImagePath gives the absolute path of a volume's image.
func (d Dataset) ImagePath(v Volume) string {
	return filepath.Join(d.Root, filepath.FromSlash(v.Image))
}

// LabelPath gives the absolute path of a volume's label.
func (d Dataset) LabelPath(v Volume) string {
	return filepath.Join(d.Root, filepath.FromSlash(v.Label))
}

// Foreground gives the mean over volumes of the labelled fraction, 0 for an
// empty dataset.
func (d Dataset) Foreground() float64 {
	sum := 0.0
	for _, v := range d.Volumes {
		sum += v.Foreground
	}
	return sum / float64(max(1, len(d.Volumes)))
}

// Bytes gives the size of all files.
func (d Dataset) Bytes() int64 {
	var n int64
	for _, v := range d.Volumes {
		n += v.Bytes
	}
	return n
}

// digest hashes what makes a dataset the same dataset: the members' names,
// patients and contents, in order of ID. Where the files lie does not count.
func digest(volumes []Volume) string {
	lines := make([]string, 0, len(volumes))
	for _, v := range volumes {
		lines = append(lines, fmt.Sprintf("%q %q %s %s\n", v.ID, v.Patient, v.ImageSHA256, v.LabelSHA256))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}
