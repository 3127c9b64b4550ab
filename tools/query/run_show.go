package query

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/brief"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed run_show.md
var runShowDoc string

// RunShowIn names a run.
type RunShowIn struct {
	Run string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, best:dice, …"`
}

// RunShowOut is everything about a run.
type RunShowOut struct {
	tools.Line
	brief.Run
	Why         string                 `json:"why" jsonschema:"why it is this run"`
	Folder      string                 `json:"folder" jsonschema:"where its files lie"`
	Digest      string                 `json:"digest" jsonschema:"SHA-256 of the dataset's contents"`
	Volumes     map[string]int         `json:"volumes" jsonschema:"number of volumes by part: train, val, test"`
	Settings    []Setting              `json:"settings" jsonschema:"every setting with where it came from"`
	Latest      map[string]runs.Number `json:"latest,omitempty" jsonschema:"latest value of each metric, by split/name"`
	Scores      map[string]runs.Number `json:"scores,omitempty" jsonschema:"what it is compared by, evaluations included, by split/name"`
	Evaluations []string               `json:"evaluations,omitempty" jsonschema:"ids of the runs that evaluated it"`
	Checkpoints []Checkpoint           `json:"checkpoints,omitempty" jsonschema:"weights on disk"`
}

// Setting is one value of the experiment.
type Setting struct {
	Key    string `json:"key" jsonschema:"dotted name of the setting"`
	Value  string `json:"value" jsonschema:"its value"`
	Source string `json:"source" jsonschema:"where it came from"`
}

// Checkpoint is a file with weights.
type Checkpoint struct {
	Role   string `json:"role" jsonschema:"best or last"`
	Path   string `json:"path" jsonschema:"where the file lies, relative to the run's folder"`
	Step   int64  `json:"step" jsonschema:"step that it was taken at"`
	Bytes  int64  `json:"bytes" jsonschema:"size of the file"`
	SHA256 string `json:"sha256" jsonschema:"digest of the file"`
}

type runShow struct{ Deps }

func (runShow) Spec() tools.Spec {
	return tools.Spec{Name: "run_show", Family: family, Effect: tools.Read, Doc: runShowDoc}
}

func (t runShow) Preview(ctx context.Context, in RunShowIn) (tools.Preview, error) {
	p, _, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "show")
	return p, err
}

func (t runShow) Run(_ context.Context, in RunShowIn, _ func(tools.Progress)) (RunShowOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return RunShowOut{}, err
	}
	all, err := runs.List(t.Workspace)
	if err != nil {
		return RunShowOut{}, asError(err)
	}
	r := picked.Run
	out := RunShowOut{
		Run: brief.Of(r), Why: picked.Why, Folder: r.Dir, Digest: r.Spec.Dataset.Digest, Volumes: map[string]int{},
		Settings: settingsOf(r.Spec), Latest: r.Latest, Scores: runs.Scores(all)[r.ID()],
	}
	for _, v := range r.Spec.Dataset.Volumes {
		out.Volumes[v.Split]++
	}
	for _, other := range all {
		if e := other.Spec.Evaluate; e != nil && e.Run == r.ID() {
			out.Evaluations = append(out.Evaluations, other.ID())
		}
	}
	for _, role := range slices.Sorted(maps.Keys(r.Checkpoints)) {
		c := r.Checkpoints[role]
		out.Checkpoints = append(out.Checkpoints, Checkpoint{Role: role, Path: tools.Plain(c.Path), Step: c.Step, Bytes: c.Bytes, SHA256: c.SHA256})
	}
	out.Summary = fmt.Sprintf("%s: %s on %s, %s", picked.Label(), out.Model, out.Dataset, out.summaryOfScores(r))
	return out, nil
}

// summaryOfScores says how the run stands and, if it was evaluated, its test
// scores.
func (o RunShowOut) summaryOfScores(r runs.Run) string {
	test := []string{}
	for _, name := range []string{"dice", "cldice", "hd95", "nsd"} {
		if v, ok := o.Scores["test/"+name]; ok {
			test = append(test, fmt.Sprintf("%s %.4g", name, float64(v)))
		}
	}
	sentence := o.Sentence()
	if len(test) > 0 {
		sentence += "; test " + strings.Join(test, ", ")
	}
	if !r.Started.IsZero() && !r.Ended.IsZero() {
		sentence += "; took " + tools.Duration(r.Ended.Sub(r.Started).Round(time.Second).Seconds())
	}
	return sentence
}

// settingsOf lists the experiment in the order of the schema.
func settingsOf(spec runs.Spec) []Setting {
	var tree map[string]any
	if json.Unmarshal(spec.Experiment, &tree) != nil {
		return []Setting{}
	}
	settings := []Setting{}
	for _, k := range config.Keys() {
		var v any = tree
		for part := range strings.SplitSeq(k.Name, ".") {
			branch, ok := v.(map[string]any)
			if !ok {
				v = nil
				break
			}
			v = branch[part]
		}
		if v == nil {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			continue
		}
		settings = append(settings, Setting{Key: k.Name, Value: tools.Plain(strings.Trim(string(text), `"`)), Source: tools.Plain(spec.Sources[k.Name])})
	}
	return settings
}
