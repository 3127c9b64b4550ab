package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/projection/parquet"
)

// measureVessels prints what the vessels of one file, or of every file of a
// folder, measure.
func (env *environment) measureVessels(ctx context.Context, path string, o metricsOptions, memory int64, outputs []output) error {
	if o.vessels != "components" && o.vessels != "segments" {
		return usagef("--vessels takes components or segments, not %q", o.vessels)
	}
	choice, err := o.chosenLabels()
	if err != nil {
		return err
	}
	path = env.path(path)
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	files := map[string]string{caseName(path): path}
	if st.IsDir() {
		if files, err = folder.List(path); err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("there is no NIfTI file in %q", path)
		}
	}
	tables, failed := []folder.VesselTable{}, 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		found, err := folder.MeasureVessels(ctx, name, files[name], choice, memory)
		switch {
		case err != nil && (ctx.Err() != nil || len(files) == 1):
			return err
		case err != nil:
			failed++
			env.tellFailure(name, complaintOf(o.explained(err)))
		}
		tables = append(tables, found...)
	}
	t := vesselTable(tables, o.vessels)
	if err := env.write(ctx, outputs, t, tables); err != nil {
		return err
	}
	if env.JSON {
		err = env.printJSON(tables)
	} else {
		err = env.printVessels(t, tables, st.IsDir())
	}
	if err == nil && failed > 0 {
		return &silentError{ExitFailed}
	}
	return err
}

// vesselTable lists components or segments, a row each.
func vesselTable(tables []folder.VesselTable, rows string) table {
	if rows == "segments" {
		return segmentTable(tables)
	}
	t := table{columns: typed("case:t label:i component:i voxels:i volume:n centreline_voxels:i length:n branch_points:i end_points:i " +
		"segments:i tortuosity:n radius_mean:n radius_min:n radius_max:n unit:t")}
	for _, v := range tables {
		for _, c := range v.Components {
			t.rows = append(t.rows, []any{
				v.Case, int64(v.Label), int64(c.Number), int64(c.Voxels), c.Volume, int64(c.CentrelineVoxels), c.Length, int64(c.BranchPoints),
				int64(c.EndPoints), int64(c.Segments), measured(c.Tortuosity), c.RadiusMean, c.RadiusMin, c.RadiusMax, v.Unit,
			})
		}
	}
	return t
}

func segmentTable(tables []folder.VesselTable) table {
	t := table{columns: typed("case:t label:i component:i from_x:i from_y:i from_z:i to_x:i to_y:i to_z:i voxels:i length:n chord:n " +
		"tortuosity:n radius_mean:n radius_min:n radius_max:n unit:t")}
	for _, v := range tables {
		for _, s := range v.Segments {
			t.rows = append(t.rows, []any{
				v.Case, int64(v.Label), int64(s.Component), int64(s.From[0]), int64(s.From[1]), int64(s.From[2]),
				int64(s.To[0]), int64(s.To[1]), int64(s.To[2]), int64(s.Voxels), s.Length, s.Chord,
				measured(s.Tortuosity), s.RadiusMean, s.RadiusMin, s.RadiusMax, v.Unit,
			})
		}
	}
	return t
}

// typed reads columns written as name:t for text, name:i for whole numbers and
// name:n for others.
func typed(list string) []parquet.Column {
	var columns []parquet.Column
	for word := range strings.FieldsSeq(list) {
		name, kind, _ := strings.Cut(word, ":")
		columns = append(columns, parquet.Column{Name: name, Type: map[string]parquet.Type{"t": parquet.Text, "i": parquet.Integer, "n": parquet.Number}[kind]})
	}
	return columns
}

// measured is a tortuosity, nil where there is none: a tortuosity is 1 or more.
func measured(v float64) any {
	if v == 0 {
		return nil
	}
	return v
}

// printVessels prints the table without the columns that say the same in every
// row.
func (env *environment) printVessels(t table, tables []folder.VesselTable, several bool) error {
	labels := map[uint8]bool{}
	units := map[string]bool{}
	pieces, branches := 0, 0
	var length float64
	for _, v := range tables {
		labels[v.Label], units[unitName(v.Unit)] = true, true
		pieces += len(v.Components)
		for _, c := range v.Components {
			length, branches = length+c.Length, branches+c.BranchPoints
		}
	}
	hidden := map[string]bool{"unit": true, "case": !several, "label": len(labels) < 2}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	line := func(text func(i int) string) {
		var cells []string
		for i, c := range t.columns {
			if !hidden[c.Name] {
				cells = append(cells, text(i))
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	line(func(i int) string { return t.columns[i].Name })
	for _, row := range t.rows {
		line(func(i int) string {
			switch v := row[i].(type) {
			case nil:
				return "–"
			case float64:
				return short(v)
			default:
				return cell(v)
			}
		})
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	_, _ = fmt.Fprintf(env.Streams.Err, "%s, %s, centrelines of %.4g in all · lengths in %s\n", plural(pieces, "piece"), plural(branches, "branch point"),
		length, strings.Join(slices.Sorted(maps.Keys(units)), " and "))
	return nil
}
