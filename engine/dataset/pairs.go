package dataset

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// scanPairs pairs an images folder with a labels folder.
func (m *members) scanPairs(root string) error {
	images, labels, err := pairFolders(root)
	if err != nil {
		return err
	}
	return m.scanFolders(root, images, labels)
}

// pairFolders finds the two folders under the names that people give them.
func pairFolders(root string) (images, labels string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return "", "", err
	}
	find := func(names ...string) string {
		for _, name := range names {
			i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return strings.EqualFold(e.Name(), name) })
			if i >= 0 && isDir(root, entries[i].Name()) {
				return entries[i].Name()
			}
		}
		return ""
	}
	images = find("images", "imagesTr", "image", "img", "imgs", "raw", "volumes")
	labels = find("labels", "labelsTr", "label", "seg", "segs", "segmentations", "masks", "mask", "annotations", "gt")
	if images == "" || labels == "" {
		return "", "", fmt.Errorf("%w: %q should have a folder images/ and a folder labels/", ErrLayout, root)
	}
	return images, labels, nil
}
