package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/minivess/minivess/tools"
)

// printValue prints what a reading tool returned, for people: runs as a
// table, anything else as its fields.
func (env *environment) printValue(tool string, r tools.Result) error {
	if tool == "runs_list" {
		return env.printRuns(r)
	}
	var fields map[string]any
	if err := json.Unmarshal(r.Value, &fields); err != nil {
		return fmt.Errorf("reading the result of %s: %w", tool, err)
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, printable(r.Summary))
	for _, line := range flatten("", fields) {
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", cell(line[0]), line[1])
	}
	return w.Flush()
}

// flatten turns nested objects into dotted keys in order, and a list of objects
// into a line each; the summary, which was printed already, and empty values
// are left out.
func flatten(prefix string, v any) [][2]string {
	switch v := v.(type) {
	case map[string]any:
		var lines [][2]string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value := v[key]
			if value == nil || value == "" || prefix == "" && key == "summary" {
				continue
			}
			lines = append(lines, flatten(strings.TrimPrefix(prefix+"."+key, "."), value)...)
		}
		return lines
	case []any:
		return flattenList(prefix, v)
	default:
		return [][2]string{{prefix, cell(v)}}
	}
}

// maxListed is how many entries of a list are shown.
const maxListed = 8

func flattenList(prefix string, list []any) [][2]string {
	var lines [][2]string
	for i, entry := range list {
		fields, ok := entry.(map[string]any)
		if !ok && len(list) > maxListed {
			return [][2]string{{prefix, fmt.Sprintf("%d entries (--json shows them)", len(list))}}
		}
		if !ok {
			return [][2]string{{prefix, cell(list)}}
		}
		if i == maxListed {
			return append(lines, [2]string{prefix, fmt.Sprintf("… and %d more (--json shows them)", len(list)-i)})
		}
		var parts []string
		for _, f := range flatten("", fields) {
			parts = append(parts, f[0]+" "+f[1])
		}
		lines = append(lines, [2]string{prefix, strings.Join(parts, " · ")})
	}
	return lines
}

// printRuns prints one line a run.
func (env *environment) printRuns(r tools.Result) error {
	var list struct {
		Runs []boardRow `json:"runs"`
	}
	if err := json.Unmarshal(r.Value, &list); err != nil {
		return fmt.Errorf("reading the result of runs_list: %w", err)
	}
	if len(list.Runs) == 0 {
		_, err := fmt.Fprintln(env.Streams.Out, "no runs; minivess ask \"train a segresnet on …\" makes one")
		return err
	}
	w := tabwriter.NewWriter(env.Streams.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "run\tstate\tkind\tmodel\tdataset\tstep\tdice\tage\tname")
	for _, row := range list.Runs {
		run := row.forScreen()
		dice, step := "", fmt.Sprint(run.Step)
		if run.HasScore {
			dice = fmt.Sprintf("%.4f", run.Score)
		}
		if run.Active() && run.Steps > 0 {
			step = fmt.Sprintf("%d/%d", run.Step, run.Steps)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", run.ID, run.State, run.Kind,
			printable(run.Model), printable(run.Dataset), step, dice, age(time.Since(row.Created)), printable(run.Name))
	}
	return w.Flush()
}
