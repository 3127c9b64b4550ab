package dataset

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/minivess/minivess/engine/volume"
)

// The bounds outside which a labelled fraction deserves a look.
const (
	minForeground = 1e-4
	maxForeground = 0.5
)

// ValidateOptions say what to check beyond the usual.
type ValidateOptions struct {
	// PatchSize, if set, is what volumes should be no smaller than.
	PatchSize [3]int
	// Progress is told after each volume, one call at a time; may be nil.
	Progress func(done, total int, id string)
}

// Validate reads every file of a dataset again and reports what is wrong with
// it. What a single file has wrong is a finding, not an error.
func (c *Catalogue) Validate(ctx context.Context, name string, o ValidateOptions) (Report, error) {
	d, err := c.Get(name)
	if err != nil {
		return Report{}, err
	}
	return d.Validate(ctx, o)
}

// Validate is Catalogue.Validate for a dataset in hand.
func (d Dataset) Validate(ctx context.Context, o ValidateOptions) (Report, error) {
	r := Report{Dataset: d.Name, Digest: d.Digest, Volumes: len(d.Volumes), Findings: d.overall()}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	done := 0
	for _, v := range d.Volumes {
		group.Go(func() error {
			found := d.examine(ctx, v, o.PatchSize)
			if err := ctx.Err(); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.Findings = append(r.Findings, found...)
			done++
			if o.Progress != nil {
				o.Progress(done, len(d.Volumes), v.ID)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	r.Foreground = d.foregroundRange()
	r.sort()
	return r, nil
}

func (d Dataset) foregroundRange() [3]float64 {
	if len(d.Volumes) == 0 {
		return [3]float64{}
	}
	least, greatest := math.Inf(1), 0.0
	for _, v := range d.Volumes {
		least, greatest = min(least, v.Foreground), max(greatest, v.Foreground)
	}
	return [3]float64{least, d.Foreground(), greatest}
}

// examination collects the findings about one volume.
type examination struct {
	id       string
	findings []Finding
}

func (e *examination) add(s Severity, code, format string, args ...any) {
	e.findings = append(e.findings, Finding{Severity: s, Code: code, Volume: e.id, Message: fmt.Sprintf(format, args...)})
}

// examine reads one volume's files and says what is wrong with them.
func (d Dataset) examine(ctx context.Context, v Volume, patch [3]int) []Finding {
	e := &examination{id: v.ID}
	d.digests(ctx, v, e)
	image, err := volume.Read(ctx, d.ImagePath(v), volume.Limits{NonFinite: volume.NonFiniteKeep})
	if err != nil {
		e.add(SeverityError, FindingUnreadable, "%v", err)
	} else {
		e.image(image, patch)
	}
	labels, err := volume.ReadLabels(ctx, d.LabelPath(v), volume.Limits{})
	if err != nil {
		e.add(SeverityError, FindingUnreadable, "%v", err)
		return e.findings
	}
	e.labels(labels)
	if image != nil {
		if m := compare(pair{id: v.ID, image: v.Image, label: v.Label}, image.Header, labels.Header); m != nil {
			e.add(SeverityError, FindingMismatch, "%s image %s, label %s", m.Reason,
				geometry(m.ImageShape, m.ImageSpacing, m.ImageUnit), geometry(m.LabelShape, m.LabelSpacing, m.LabelUnit))
		}
	}
	return e.findings
}

// digests compares the files with what was imported.
func (d Dataset) digests(ctx context.Context, v Volume, e *examination) {
	for _, f := range []struct{ what, path, want string }{
		{"image", d.ImagePath(v), v.ImageSHA256},
		{"label", d.LabelPath(v), v.LabelSHA256},
	} {
		var n int64
		got, err := hashFiles(ctx, f.path, &n)
		switch {
		case err != nil:
			continue // reported when the file is read
		case got != f.want:
			e.add(SeverityError, FindingChanged, "the %s is not the file that was imported (SHA-256 %.12s…, was %.12s…); restore it, or import the folder under a new name", f.what, got, f.want)
		}
	}
}

// image checks values and geometry of an image.
func (e *examination) image(v *volume.Volume, patch [3]int) {
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	bad := 0
	for _, x := range v.Data {
		if x-x != 0 {
			bad++
			continue
		}
		low, high = min(low, x), max(high, x)
	}
	if bad > 0 {
		e.add(SeverityError, FindingNonFinite, "%d voxels are NaN or infinite", bad)
	}
	if low >= high {
		e.add(SeverityError, FindingConstant, "all finite voxels have the same value")
	}
	for i, axis := range []string{"x", "y", "z"} {
		if v.Shape[i] < patch[i] {
			e.add(SeverityWarning, FindingSmall, "%s voxels, smaller than the patch %s along %s; it will be padded", formatShape(v.Shape), formatShape(patch), axis)
			break
		}
	}
	if v.Unit == "" {
		e.add(SeverityWarning, FindingUnit, "the header does not say in which unit the voxel size %s is", formatSpacing(v.Spacing, ""))
	}
	if a := columnLengths(v.Affine); !sameSpacing(a, v.Spacing) {
		e.add(SeverityWarning, FindingAffine, "the header's voxel size is %s, its affine says %s", formatSpacing(v.Spacing, v.Unit), formatSpacing(a, v.Unit))
	}
}

func columnLengths(a [4][4]float64) [3]float64 {
	var s [3]float64
	for j := range s {
		s[j] = math.Sqrt(a[0][j]*a[0][j] + a[1][j]*a[1][j] + a[2][j]*a[2][j])
	}
	return s
}

// labels checks a segmentation's values.
func (e *examination) labels(l *volume.Labels) {
	foreground, values := count(l.Data)
	switch {
	case foreground == 0:
		e.add(SeverityError, FindingNoForeground, "the label marks no voxel")
	case foreground < minForeground || foreground > maxForeground:
		e.add(SeverityWarning, FindingForeground, "the label marks %.3g %% of the voxels", 100*foreground)
	}
	if last := values[len(values)-1]; last > 1 {
		e.add(SeverityWarning, FindingLabelValues, "the label has values %v; every value above 0 counts as foreground", values)
	}
}
