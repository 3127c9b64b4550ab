// Package brief tells a run in one row and in one sentence, the same way in
// every list and status. It only words what engine/runs has added up.
package brief

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

// Run is one run in a row.
type Run struct {
	Run      string                 `json:"run" jsonschema:"id of the run"`
	Name     string                 `json:"name,omitempty" jsonschema:"its name"`
	Kind     string                 `json:"kind" jsonschema:"train, evaluate or predict"`
	Judges   string                 `json:"judges,omitempty" jsonschema:"of an evaluation: the run that it judges"`
	Model    string                 `json:"model" jsonschema:"name of the network"`
	Dataset  string                 `json:"dataset" jsonschema:"name of the dataset"`
	Fold     int                    `json:"fold" jsonschema:"fold held out for validation"`
	Seed     int64                  `json:"seed" jsonschema:"seed of the run"`
	State    string                 `json:"state" jsonschema:"queued, running, finished, failed or cancelled"`
	Phase    string                 `json:"phase,omitempty" jsonschema:"what it is doing"`
	Done     int64                  `json:"done,omitempty" jsonschema:"steps or volumes done in this phase"`
	Total    int64                  `json:"total,omitempty" jsonschema:"steps or volumes of this phase"`
	Rate     float64                `json:"rate,omitempty" jsonschema:"steps or volumes a second"`
	ETA      float64                `json:"eta_seconds,omitempty" jsonschema:"seconds left in this phase"`
	Step     int64                  `json:"step" jsonschema:"last training step"`
	Epoch    int                    `json:"epoch" jsonschema:"last epoch"`
	Created  time.Time              `json:"created" jsonschema:"when it was launched"`
	Started  time.Time              `json:"started,omitzero" jsonschema:"when it first started"`
	Ended    time.Time              `json:"ended,omitzero" jsonschema:"when it ended"`
	Best     map[string]runs.Number `json:"best,omitempty" jsonschema:"best value of each metric, by split/name"`
	Tags     map[string]string      `json:"tags,omitempty" jsonschema:"its tags"`
	Error    string                 `json:"error,omitempty" jsonschema:"why it failed"`
	Hint     string                 `json:"hint,omitempty" jsonschema:"what to do about it"`
	Resumes  bool                   `json:"resumable,omitempty" jsonschema:"whether job_resume would go on with it"`
	Warnings int                    `json:"warnings,omitempty" jsonschema:"number of warnings the worker gave"`

	worst, report string
}

// Of puts a run into a row.
func Of(r runs.Run) Run {
	b := Run{
		Run: r.ID(), Name: tools.Plain(r.Spec.Name), Kind: string(r.Spec.Kind), Model: tools.Plain(r.Spec.Model),
		Dataset: tools.Plain(r.Spec.Dataset.Name), State: string(r.State), Step: r.LastStep, Epoch: r.Epoch,
		Created: r.Spec.Created, Started: r.Started, Ended: r.Ended, Tags: r.Tags, Resumes: r.Resumable, Warnings: r.Warnings,
	}
	if r.Spec.Evaluate != nil {
		b.Judges = r.Spec.Evaluate.Run
	}
	var experiment struct {
		Fold int   `json:"fold"`
		Seed int64 `json:"seed"`
	}
	if json.Unmarshal(r.Spec.Experiment, &experiment) == nil {
		b.Fold, b.Seed = experiment.Fold, experiment.Seed
	}
	if p := r.Progress; p != nil && r.State.Active() {
		b.Phase, b.Done, b.Total, b.Rate, b.ETA = p.Phase, p.Done, p.Total, p.Rate, p.ETA
	}
	if f := r.Failure; f != nil {
		b.Error, b.Hint = tools.Plain(f.Error), tools.Plain(f.Hint)
	}
	b.Best = Scores(r)
	if w := r.Worst; w != nil {
		b.worst = fmt.Sprintf("worst %s with %s %.4g", tools.Plain(w.Volume), w.Metric, float64(w.Value))
	}
	if b.report = r.Report(); b.report != "" {
		b.report = "report " + tools.Plain(b.report)
	}
	return b
}

// Scores are the values that a run is judged by: the best of what it measured
// on val and test, and what an evaluation summed up.
func Scores(r runs.Run) map[string]runs.Number {
	scores := map[string]runs.Number{}
	for key, best := range r.Best {
		if !strings.HasPrefix(key, "train/") {
			scores[key] = best.Value
		}
	}
	for key, v := range r.Summary {
		if _, there := scores[key]; !there && !strings.HasPrefix(key, "train/") {
			scores[key] = v
		}
	}
	if len(scores) == 0 {
		return nil
	}
	return scores
}

// Sentence tells how the run stands: "running, train step 212 of 400, eta 24 s,
// best val/dice 0.78".
func (b Run) Sentence() string {
	parts := []string{b.State}
	if b.Phase != "" && b.Total > 0 {
		unit := "step"
		if b.Phase != "train" {
			unit = "volume"
		}
		parts = append(parts, fmt.Sprintf("%s %s %d of %d", b.Phase, unit, b.Done, b.Total))
	}
	if b.ETA > 0 {
		parts = append(parts, "about "+tools.Duration(b.ETA)+" left")
	}
	if b.State == string(runs.StateFinished) && b.Kind == string(runs.KindTrain) {
		parts = append(parts, fmt.Sprintf("%d steps", b.Step))
	}
	if key, v, ok := b.headline(); ok {
		parts = append(parts, fmt.Sprintf("best %s %.4g", key, float64(v)))
	}
	if b.worst != "" && !b.active() {
		parts = append(parts, b.worst)
	}
	if b.Error != "" {
		parts = append(parts, b.Error)
	}
	if b.report != "" && !b.active() {
		parts = append(parts, b.report)
	}
	return strings.Join(parts, ", ")
}

func (b Run) active() bool { return runs.State(b.State).Active() }

// headline is the one score to name where there is room for one.
func (b Run) headline() (string, runs.Number, bool) {
	for _, key := range []string{"test/dice", "val/dice"} {
		if v, ok := b.Best[key]; ok {
			return key, v, true
		}
	}
	return "", 0, false
}

// Held leaves out the scores on the training split, which nobody judges by.
func Held(scores map[string]runs.Number) map[string]runs.Number {
	held := map[string]runs.Number{}
	for key, v := range scores {
		if !strings.HasPrefix(key, "train/") {
			held[key] = v
		}
	}
	if len(held) == 0 {
		return nil
	}
	return held
}
