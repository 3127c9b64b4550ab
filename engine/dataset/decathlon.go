package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/volume"
)

const (
	decathlonFile = "dataset.json"
	// maxDecathlon bounds dataset.json; the largest published has 0.2 MB.
	maxDecathlon = 16 << 20
)

// decathlon is the part of the Medical Segmentation Decathlon's dataset.json
// that matters here (medicaldecathlon.com).
type decathlon struct {
	Training []struct {
		Image string `json:"image"`
		Label string `json:"label"`
	} `json:"training"`
	Test []json.RawMessage `json:"test"`
}

// isDecathlon tells whether the folder has a dataset.json with a training
// list; nnU-Net's file of the same name has a count instead.
func isDecathlon(root string) bool {
	d, err := readDecathlon(root)
	return err == nil && d.Training != nil || errors.Is(err, ErrLayout)
}

func readDecathlon(root string) (decathlon, error) {
	var d decathlon
	f, err := os.Open(filepath.Join(root, decathlonFile))
	if err != nil {
		return d, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxDecathlon+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return d, err
	}
	if len(b) > maxDecathlon {
		return d, fmt.Errorf("%w: %q exceeds %d bytes", ErrLayout, f.Name(), maxDecathlon)
	}
	return parseDecathlon(f.Name(), b)
}

// parseDecathlon decodes dataset.json and refuses paths out of its folder.
func parseDecathlon(name string, b []byte) (decathlon, error) {
	var d decathlon
	if err := json.Unmarshal(b, &d); err != nil {
		return d, fmt.Errorf("%w: %q: %w", ErrLayout, name, err)
	}
	for i := range d.Training {
		t := &d.Training[i]
		for _, p := range []*string{&t.Image, &t.Label} {
			clean, err := localPath(*p)
			if err != nil {
				return d, fmt.Errorf("%q: training entry %d: %w", name, i+1, err)
			}
			*p = clean
		}
	}
	return d, nil
}

// localPath cleans a path of dataset.json. It must stay in the dataset's
// folder: anything else could make a shared file read what is not its own.
func localPath(p string) (string, error) {
	if err := checkFileName(p); err != nil {
		return "", err
	}
	if p == "" || strings.Contains(p, `\`) || path.IsAbs(p) || !filepath.IsLocal(filepath.FromSlash(p)) {
		return "", fmt.Errorf("%w: %q; paths must be relative to dataset.json and stay below it", ErrPath, p)
	}
	return path.Clean(p), nil
}

// scanDecathlon takes the pairs that dataset.json lists for training. Its test
// images have no labels and are left out.
func (m *members) scanDecathlon(root string) error {
	d, err := readDecathlon(root)
	if err != nil {
		return err
	}
	seen := map[string]string{}
	for _, t := range d.Training {
		stem, ok := volume.Stem(t.Image)
		if !ok {
			return fmt.Errorf("%w: %q in %s is not a NIfTI file name", ErrLayout, t.Image, decathlonFile)
		}
		id, err := imageID(stem)
		if err != nil {
			return err
		}
		if other, twice := seen[id]; twice {
			return fmt.Errorf("%w: %q and %q in %s are both volume %q", ErrLayout, other, t.Image, decathlonFile, id)
		}
		seen[id] = t.Image
		m.pairs = append(m.pairs, pair{id: id, image: t.Image, label: t.Label})
	}
	for i := range d.Test {
		m.skipped = append(m.skipped, Skipped{ID: fmt.Sprintf("test-%d", i+1), Reason: "listed as test image, without a label"})
	}
	return nil
}
