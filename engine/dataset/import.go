package dataset

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ImportRequest asks for a folder's volumes to be entered into the catalogue.
type ImportRequest struct {
	Path   string
	Name   string // empty means the folder's name
	Layout Layout // LayoutAuto looks at the folder
	// SkipMismatched leaves volumes out whose label does not match.
	SkipMismatched bool
	// PatientPattern is a regular expression with one group that takes the
	// patient from a volume's ID. Without it a BIDS ID (sub-…_…) gives its
	// subject, and any other volume is its own patient.
	PatientPattern string
	// Split is the split that the dataset begins with.
	Split SplitRequest
	// Progress is told after each volume, one call at a time; may be nil.
	Progress func(done, total int, id string)
}

// Import looks at every file of a folder, checks that labels match their
// images, and enters the dataset with a split. Files stay where they are.
// Errors wrap ErrLayout, ErrPath, ErrMismatch (a *MismatchError), ErrEmpty,
// ErrExists, ErrName, or those of engine/volume.
func (c *Catalogue) Import(ctx context.Context, r ImportRequest) (Dataset, error) {
	root, err := filepath.Abs(r.Path)
	if err != nil {
		return Dataset{}, err
	}
	if r.Name == "" {
		r.Name = filepath.Base(root)
	}
	if err := CheckName(r.Name); err != nil {
		return Dataset{}, err
	}
	patient, err := patientOf(r.PatientPattern)
	if err != nil {
		return Dataset{}, err
	}
	members, err := scan(root, r.Layout)
	if err != nil {
		return Dataset{}, err
	}
	d := Dataset{Name: r.Name, Root: root, Layout: members.layout, Created: time.Now().UTC(), Skipped: members.skipped}
	if err := d.inspectAll(ctx, members.pairs, r); err != nil {
		return Dataset{}, err
	}
	for i := range d.Volumes {
		d.Volumes[i].Patient = patient(d.Volumes[i].ID)
	}
	d.Digest = digest(d.Volumes)
	if d.Split, err = MakeSplit(d.Volumes, r.Split); err != nil {
		return Dataset{}, err
	}
	d.Split.Created = d.Created
	return c.Add(ctx, d)
}

// inspectAll looks into every pair, several at a time, and fills in Volumes.
func (d *Dataset) inspectAll(ctx context.Context, pairs []pair, r ImportRequest) error {
	volumes := make([]Volume, len(pairs))
	mismatches := make([]*MismatchError, len(pairs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	done := 0
	for i, p := range pairs {
		group.Go(func() error {
			var err error
			volumes[i], mismatches[i], err = inspect(ctx, d.Root, p)
			if err != nil {
				return fmt.Errorf("volume %s: %w", shown(p.id), err)
			}
			if r.Progress != nil {
				mu.Lock()
				defer mu.Unlock()
				done++
				r.Progress(done, len(pairs), p.id)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := mismatched(mismatches, r.SkipMismatched); err != nil {
		return err
	}
	for i, v := range volumes {
		if m := mismatches[i]; m != nil {
			d.Skipped = append(d.Skipped, Skipped{ID: v.ID, Reason: fmt.Sprintf("%v: %s", ErrMismatch, m.Reason)})
			continue
		}
		d.Volumes = append(d.Volumes, v)
	}
	if len(d.Volumes) == 0 {
		return fmt.Errorf("%w: %q", ErrEmpty, d.Root)
	}
	slices.SortFunc(d.Volumes, func(a, b Volume) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// mismatched gives the first mismatch, told how many there are, unless they
// are to be left out.
func mismatched(all []*MismatchError, skip bool) error {
	var first *MismatchError
	n := 0
	for _, m := range all {
		if m == nil {
			continue
		}
		n++
		first = cmp.Or(first, m)
	}
	if first == nil || skip {
		return nil
	}
	first.Mismatched, first.Total = n, len(all)
	return first
}
