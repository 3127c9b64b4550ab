package evals_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/minivess/minivess/agent/planner"
	"github.com/minivess/minivess/evals"
)

// mutation breaks a turn on its way back to the runner.
type mutation func(text string, o evals.SayOptions, t *evals.Turn)

// plannerTarget talks to the planner over a small world held in memory.
type plannerTarget struct {
	plan   func(ctx context.Context, turns ...string) planner.Outcome
	effect map[string]string
	mutate mutation
}

// newPlannerTarget plans with the descriptors that the planner is tested with.
func newPlannerTarget(t *testing.T, mutate mutation) *plannerTarget {
	t.Helper()
	raw, err := os.ReadFile("../agent/planner/testdata/catalogue.json")
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := planner.ReadCatalogue(raw)
	if err != nil {
		t.Fatal(err)
	}
	target := &plannerTarget{effect: map[string]string{}, mutate: mutate}
	for _, d := range catalogue {
		target.effect[d.Name] = string(d.Effect)
	}
	m := planner.New()
	target.plan = func(ctx context.Context, turns ...string) planner.Outcome { return m.Plan(ctx, catalogue, turns...) }
	return target
}

func (p *plannerTarget) Open(context.Context, evals.OpenOptions) (evals.Session, error) {
	return &world{target: p, datasets: map[string]*data{}}, nil
}

// data is a dataset of the world.
type data struct {
	Dataset string         `json:"dataset"`
	Volumes int            `json:"volumes"`
	Split   map[string]int `json:"split"`
}

// run is a run of the world.
type run struct {
	Run   string `json:"run"`
	Name  string `json:"name"`
	Model string `json:"model"`
}

// world is one session: the turns said, and what the tools made.
type world struct {
	target   *plannerTarget
	mu       sync.Mutex
	said     []string
	datasets map[string]*data
	runs     []run
}

func (w *world) Close() error { return nil }

// Say plans, and in mode act carries out what the approval allows.
func (w *world) Say(ctx context.Context, text string, o evals.SayOptions) (evals.Turn, error) {
	w.said = append(w.said, text)
	out := w.target.plan(ctx, w.said...)
	turn := evals.Turn{Reply: out.Reply}
	for _, q := range out.Questions {
		turn.Questions = append(turn.Questions, q.Text)
	}
	steps, _ := out.Callable() // a front end calls no tool that is not there
	for _, s := range steps {
		args, err := json.Marshal(s.Args)
		if err != nil {
			return turn, err
		}
		turn.Steps = append(turn.Steps, evals.Step{ID: s.ID, Tool: s.Tool, Args: args, Needs: s.Needs, Effect: w.target.effect[s.Tool], Status: evals.Planned})
	}
	if w.target.mutate != nil {
		w.target.mutate(text, o, &turn)
	}
	if o.Mode == evals.Act {
		w.act(ctx, &turn, o.Approve)
	}
	return turn, nil
}

func (w *world) act(ctx context.Context, t *evals.Turn, approve evals.Approval) {
	for i := range t.Steps {
		s := &t.Steps[i]
		allowed := s.Effect == "read" || approve == evals.ApproveAll || approve == evals.ApproveBlanket && s.Effect != "destroy"
		if s.Status == evals.Done { // a mutation that acts unasked
			allowed = true
		}
		if !allowed {
			s.Status = evals.Refused
			continue
		}
		s.Status = evals.Done
		if _, err := w.Call(ctx, s.Tool, s.Args); err != nil {
			s.Status, s.Error = evals.Failed, err.Error()
		}
	}
}

var errTool = errors.New("the tool failed")

// Call is the world's tools.
func (w *world) Call(_ context.Context, tool string, raw json.RawMessage) (json.RawMessage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var a struct {
		Name    string `json:"name"`
		Dataset string `json:"dataset"`
		Volumes int    `json:"volumes"`
		Folds   int    `json:"folds"`
		Model   string `json:"model"`
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	switch tool {
	case "dataset_create_synthetic":
		w.datasets[a.Name] = &data{Dataset: a.Name, Volumes: a.Volumes, Split: map[string]int{"folds": 4}}
		return json.Marshal(w.datasets[a.Name])
	case "dataset_split":
		if d := w.datasets[a.Dataset]; d != nil {
			d.Split["folds"] = a.Folds
			return json.Marshal(d)
		}
	case "dataset_list":
		list := []*data{}
		for _, d := range w.datasets {
			list = append(list, d)
		}
		return json.Marshal(map[string]any{"datasets": list})
	case "dataset_show":
		if d := w.datasets[a.Dataset]; d != nil {
			return json.Marshal(d)
		}
	case "train_launch":
		w.runs = append(w.runs, run{Run: fmt.Sprintf("brisk-otter-%04d", len(w.runs)), Name: a.Name, Model: a.Model})
		return json.Marshal(w.runs[len(w.runs)-1])
	case "runs_list":
		return json.Marshal(map[string]any{"runs": slices.Clone(w.runs)})
	case "run_delete":
		if n := len(w.runs); n > 0 {
			w.runs = w.runs[:n-1]
			return json.Marshal(map[string]any{})
		}
	}
	return nil, fmt.Errorf("%w: %s%s", errTool, tool, raw)
}
