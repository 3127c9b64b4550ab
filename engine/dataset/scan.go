package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/volume"
)

// pair is an image and its label, as slash paths relative to the root.
type pair struct {
	id, image, label string
}

// members are what a scan found.
type members struct {
	layout  Layout
	pairs   []pair
	skipped []Skipped
}

// scan finds a folder's volumes.
func scan(root string, layout Layout) (members, error) {
	info, err := os.Stat(root)
	if err != nil {
		return members{}, err
	}
	if !info.IsDir() {
		return members{}, fmt.Errorf("%w: %q is a file; give the dataset's folder", ErrLayout, root)
	}
	if layout == LayoutAuto {
		if layout, err = detect(root); err != nil {
			return members{}, err
		}
	}
	m := members{layout: layout}
	switch layout {
	case LayoutMiniVess:
		err = m.scanFolders(root, "raw", "seg")
	case LayoutPairs:
		err = m.scanPairs(root)
	case LayoutDecathlon:
		err = m.scanDecathlon(root)
	default:
		err = fmt.Errorf("%w %q; there are minivess, pairs and decathlon", ErrLayout, layout)
	}
	if err == nil && len(m.pairs) == 0 {
		err = fmt.Errorf("%w: %q has no image with a label", ErrEmpty, root)
	}
	return m, err
}

// detect tells the layout from what is in the folder.
func detect(root string) (Layout, error) {
	switch {
	case isDecathlon(root):
		return LayoutDecathlon, nil
	case isDir(root, "raw") && isDir(root, "seg"):
		return LayoutMiniVess, nil
	}
	if _, _, err := pairFolders(root); err == nil {
		return LayoutPairs, nil
	}
	return "", fmt.Errorf("%w: %q has neither raw/ and seg/ (minivess), nor images/ and labels/ (pairs), nor a dataset.json (decathlon)", ErrLayout, root)
}

func isDir(root, name string) bool {
	info, err := os.Stat(filepath.Join(root, name))
	return err == nil && info.IsDir()
}

// scanFolders pairs the files of two folders by name.
func (m *members) scanFolders(root, images, labels string) error {
	left, err := listVolumes(root, images, imageID)
	if err != nil {
		return err
	}
	right, err := listVolumes(root, labels, labelID)
	if err != nil {
		return err
	}
	return m.match(left, right)
}

// match joins images and labels of the same ID. What has no partner is left
// out and listed.
func (m *members) match(images, labels map[string]string) error {
	for id, image := range images {
		label, ok := labels[id]
		if !ok {
			m.skipped = append(m.skipped, Skipped{ID: id, Reason: "the image has no label"})
			continue
		}
		m.pairs = append(m.pairs, pair{id: id, image: image, label: label})
	}
	for id := range labels {
		if _, ok := images[id]; !ok {
			m.skipped = append(m.skipped, Skipped{ID: id, Reason: "the label has no image"})
		}
	}
	slices.SortFunc(m.pairs, func(a, b pair) int { return strings.Compare(a.id, b.id) })
	slices.SortFunc(m.skipped, func(a, b Skipped) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// listVolumes gives the volumes of a folder, by ID. Of a .hdr/.img pair the
// header counts. Hidden files, such as macOS's ._ files, do not count.
func listVolumes(root, folder string, id func(stem string) (string, error)) (map[string]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q has no folder %s/", ErrLayout, root, folder)
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, e := range entries {
		stem, ok := volume.Stem(e.Name())
		lower := strings.ToLower(e.Name())
		if !ok || e.IsDir() || e.Name()[0] == '.' || strings.HasSuffix(lower, ".img") || strings.HasSuffix(lower, ".img.gz") {
			continue
		}
		if err := checkFileName(folder + "/" + e.Name()); err != nil {
			return nil, err
		}
		key, err := id(stem)
		if err != nil {
			return nil, err
		}
		rel := path.Join(folder, e.Name())
		if other, twice := found[key]; twice {
			return nil, fmt.Errorf("%w: %q and %q are both volume %q; keep one", ErrLayout, other, rel, key)
		}
		found[key] = rel
	}
	return found, nil
}

// checkFileName refuses control characters, which could act on a terminal
// wherever the name is shown.
func checkFileName(name string) error {
	for _, r := range name {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return fmt.Errorf("%w: the file name %q holds control characters; rename it", ErrPath, name)
		}
	}
	return nil
}

// imageID takes nnU-Net's channel from an image's name: case_0000 is channel 0
// of case. Other channels are refused, as networks here take one.
func imageID(stem string) (string, error) {
	i := len(stem) - len("_0000")
	if i <= 0 || stem[i] != '_' || strings.Trim(stem[i+1:], "0123456789") != "" {
		return stem, nil
	}
	if stem[i+1:] != "0000" {
		return "", fmt.Errorf("%w: %q is a further channel of an image; keep one channel a volume", ErrLayout, stem)
	}
	return stem[:i], nil
}

// labelID takes the ending from a label's name that tells it from its image:
// MiniVess writes mv01_y for the label of mv01.
func labelID(stem string) (string, error) {
	for _, suffix := range labelSuffixes() {
		if id, ok := strings.CutSuffix(stem, suffix); ok && id != "" {
			return id, nil
		}
	}
	return stem, nil
}

func labelSuffixes() []string {
	return []string{"_y", "_seg", "_segmentation", "_label", "_labels", "_mask", "_gt", "-seg", "-label", "-mask"}
}
