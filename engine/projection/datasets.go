package projection

import (
	"context"

	"github.com/minivess/minivess/engine/dataset"
)

// refreshDatasets makes the table of datasets anew when the catalogue has
// grown. A catalogue that cannot be read leaves the table as it was.
func (d *DB) refreshDatasets(ctx context.Context, in *inserter) error {
	size, err := sizeOf(d.ws.DatasetCatalogue())
	if err != nil || size == d.datasets {
		return err
	}
	all, err := dataset.Open(d.ws).List()
	if err != nil {
		d.log.WarnContext(ctx, "the dataset catalogue cannot be read", "error", err)
		d.datasets = size
		return nil
	}
	if err := in.exec(ctx, "DELETE FROM mem.datasets"); err != nil {
		return err
	}
	for _, ds := range all {
		var folds, test, foreground any
		if ds.Split != nil {
			folds, test = int64(len(ds.Split.Folds)), int64(len(ds.Split.Test))
		}
		if n := len(ds.Volumes); n > 0 {
			sum := 0.0
			for _, v := range ds.Volumes {
				sum += v.Foreground
			}
			foreground = sum / float64(n)
		}
		err := in.add("datasets", ds.Name, ds.Digest, string(ds.Layout), ds.Root,
			int64(len(ds.Volumes)), folds, test, foreground, timeOrNull(ds.Created))
		if err != nil {
			return err
		}
	}
	d.datasets = size
	return nil
}
