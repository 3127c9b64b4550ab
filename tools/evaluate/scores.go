package evaluate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/projection"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/lens"
)

// maxScores is how many scores a comparison reads at most.
const maxScores = 200_000

// scored is what the newest evaluation of a run says about its volumes.
type scored struct {
	job    string
	values map[string]float64 // by volume
	policy map[string]bool    // volumes whose value the empty-mask policy set
	// definition is whose formula the values follow, with its parameters; ""
	// where the journal does not tell.
	definition string
}

// scores reads the volumes' scores of runs from the database, and gives the
// statement that did it. Of several evaluations of a run the newest counts.
func (d Deps) scores(ctx context.Context, found []runs.Run, in CompareIn) (map[string]scored, string, error) {
	quoted := make([]string, len(found))
	for i, r := range found {
		quoted[i] = quote(r.ID())
	}
	query := fmt.Sprintf("select c.run_id, c.job_id, c.volume, c.value, c.by_policy, c.definition from case_metrics c join runs j on j.run_id = c.job_id "+
		"where c.split = %s and c.name = %s and c.run_id in (%s) order by j.created, c.job_id, c.volume",
		quote(in.Split), quote(in.Metric), strings.Join(quoted, ", "))
	table, err := lens.Ask(ctx, d.Workspace, d.Logger, query, projection.Limits{Rows: maxScores})
	if err != nil {
		return nil, query, asError(err)
	}
	if table.Truncated {
		return nil, query, tools.Errorf(tools.CodeFailed, "there are more than %d scores to compare", maxScores).WithHint("name fewer runs")
	}
	all := map[string]scored{}
	for _, row := range table.Rows {
		run, job, volume := fmt.Sprint(row[0]), fmt.Sprint(row[1]), fmt.Sprint(row[2])
		value, ok := row[3].(float64)
		if !ok {
			continue // excluded by the empty-mask policy
		}
		if s, known := all[run]; !known || s.job != job {
			definition, _ := row[5].(string)
			all[run] = scored{job: job, values: map[string]float64{}, policy: map[string]bool{}, definition: definition} // rows come oldest first
		}
		all[run].values[volume] = value
		all[run].policy[volume] = row[4] != nil
	}
	return all, query, nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// judged keeps the training runs, each once; an evaluation stands for the run
// that it judged only where that run is named as well.
func judged(found []runs.Run) []runs.Run {
	return slices.DeleteFunc(found, func(r runs.Run) bool { return r.Spec.Kind != runs.KindTrain })
}

// shared lists the volumes that every run has a score of.
func shared(all map[string]scored) []string {
	counts := map[string]int{}
	for _, s := range all {
		for v := range s.values {
			counts[v]++
		}
	}
	var volumes []string
	for v, n := range counts {
		if n == len(all) {
			volumes = append(volumes, v)
		}
	}
	slices.Sort(volumes)
	return volumes
}
