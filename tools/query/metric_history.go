package query

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed metric_history.md
var historyDoc string

// maxPoints is how many points of a curve are returned; longer curves are
// thinned evenly, keeping the first and the last point.
const maxPoints = 1000

// HistoryIn names a run and a metric.
type HistoryIn struct {
	Run    string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, best:dice, …"`
	Metric string `json:"metric" jsonschema:"name of the metric, with or without its split: loss, dice, val/dice, learning_rate"`
}

// HistoryOut holds one curve for each split.
type HistoryOut struct {
	tools.Line
	Run    string   `json:"run" jsonschema:"id of the run"`
	Why    string   `json:"why" jsonschema:"why it is this run"`
	Metric string   `json:"metric" jsonschema:"name of the metric"`
	Series []Series `json:"series" jsonschema:"one curve for each split"`
}

// Series is one curve. Values that are not finite are the texts NaN, Inf, -Inf.
type Series struct {
	Split  string  `json:"split" jsonschema:"train, val or test"`
	Steps  []int64 `json:"steps" jsonschema:"step of each point"`
	Values []any   `json:"values" jsonschema:"value of each point"`
	Points int     `json:"points" jsonschema:"number of points measured, before thinning"`
}

type metricHistory struct{ Deps }

func (metricHistory) Spec() tools.Spec {
	return tools.Spec{Name: "metric_history", Family: family, Effect: tools.Read, Doc: historyDoc}
}

func (t metricHistory) Preview(ctx context.Context, in HistoryIn) (tools.Preview, error) {
	p, _, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "show "+tools.Plain(in.Metric)+" of")
	return p, err
}

func (t metricHistory) Run(_ context.Context, in HistoryIn, _ func(tools.Progress)) (HistoryOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return HistoryOut{}, err
	}
	curves, err := runs.ReadCurves(t.Workspace, picked.Run.ID())
	if err != nil {
		return HistoryOut{}, asError(err)
	}
	out := HistoryOut{Run: picked.Run.ID(), Why: picked.Why, Metric: in.Metric}
	var told []string
	for _, key := range curves.Names() {
		split, name, _ := strings.Cut(key, "/")
		if key != in.Metric && name != in.Metric {
			continue
		}
		points := curves.Points(key)
		out.Series = append(out.Series, seriesOf(split, points))
		told = append(told, describeCurve(key, points))
	}
	if len(out.Series) == 0 {
		return out, noMetric(picked.Run.ID(), in.Metric, curves.Names())
	}
	out.Summary = fmt.Sprintf("%s: %s", picked.Label(), strings.Join(told, "; "))
	return out, nil
}

func noMetric(run, metric string, names []string) error {
	var short []string
	for _, n := range names {
		_, name, _ := strings.Cut(n, "/")
		if !slices.Contains(short, name) {
			short = append(short, name)
		}
	}
	return tools.Errorf(tools.CodeNotFound, "run %s has no metric %q", run, metric).
		WithCandidates(names...).WithHint("%s", tools.DidYouMean(metric, short, "metrics"))
}

func seriesOf(split string, points []runs.Point) Series {
	s := Series{Split: split, Points: len(points)}
	for i := range min(len(points), maxPoints) {
		p := points[i]
		if len(points) > maxPoints {
			p = points[i*(len(points)-1)/(maxPoints-1)]
		}
		s.Steps = append(s.Steps, p.Step)
		s.Values = append(s.Values, p.Value)
	}
	return s
}

// describeCurve says where a curve began, where it is and what its best was.
func describeCurve(key string, points []runs.Point) string {
	first, last, best := points[0], points[len(points)-1], points[0]
	_, name, _ := strings.Cut(key, "/")
	for _, p := range points {
		if runs.Better(name, p.Value, best.Value) || math.IsNaN(float64(best.Value)) {
			best = p
		}
	}
	return fmt.Sprintf("%s from %.4g at step %d to %.4g at step %d, best %.4g at step %d",
		key, float64(first.Value), first.Step, float64(last.Value), last.Step, float64(best.Value), best.Step)
}
