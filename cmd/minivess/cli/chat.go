package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tui"
)

func newChat(env *environment) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "chat",
		Short: "Open the terminal program (the same as minivess without a command)",
		Args:  takes(0, 0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.chat(cmd.Context(), name) },
	}
	c.Flags().StringVar(&name, "thread", "", "go on with this conversation (id, prefix or latest)")
	return c
}

// chat opens the terminal program. A conversation that was cut off or waits
// for a word is offered first.
func (env *environment) chat(ctx context.Context, name string) error {
	if !env.Streams.Terminal {
		return usagef("the chat needs a terminal\n  minivess ask \"…\" takes one sentence; minivess --help lists the commands")
	}
	s, err := env.open(ctx, makeOne, assistant.AskBeforeChange)
	if err != nil {
		return err
	}
	defer s.close()
	o, err := s.screen(ctx, name)
	if err != nil {
		return err
	}
	o.Input, o.Output, o.Environ = env.Streams.In, env.Streams.Out, os.Environ()
	return tui.Open(ctx, o)
}

// screen is what the terminal program shows: a conversation over this session.
func (s *session) screen(ctx context.Context, name string) (tui.Options, error) {
	id, unfinished, err := s.resume(ctx, name)
	if err != nil {
		return tui.Options{}, err
	}
	before, err := s.assistant.Transcript(ctx, id)
	return tui.Options{
		Assistant: s.assistant, Follower: s.assistant, Board: board{s}, Thread: id, Unfinished: unfinished, Messages: before,
		Model: s.model, Workspace: filepath.Base(s.workspace.Project()),
	}, err
}

// resume picks the conversation: the one named, else the last one if it was
// left in the middle or follows up a run, else a new one.
func (s *session) resume(ctx context.Context, name string) (string, *tui.Unfinished, error) {
	info, err := s.threads.Find(ctx, name)
	if err != nil && name != "" {
		return "", nil, err
	}
	if err == nil && (name != "" || info.Waiting || info.Unfinished) && !info.Busy {
		p, err := s.assistant.Pending(ctx, info.ID)
		if err != nil {
			return "", nil, err
		}
		if p.Review == nil && !p.Unfinished {
			return info.ID, nil, nil
		}
		return info.ID, &tui.Unfinished{Plan: p.Plan, Review: p.Review, Text: p.Said}, nil
	}
	if err == nil && !info.Busy && info.Damage == "" {
		if pending, err := s.assistant.Followups(ctx, info.ID); err == nil && len(pending) > 0 {
			return info.ID, nil, nil
		}
	}
	info, err = s.threads.Create(ctx, "chat of "+time.Now().Format("2 January 15:04"))
	return info.ID, nil, err
}

// board reads the runs for the terminal program through the reading tools.
type board struct{ s *session }

// boardRow is the part of runs_list's output that the table shows.
type boardRow struct {
	ID      string         `json:"run"`
	Name    string         `json:"name"`
	Kind    string         `json:"kind"`
	Model   string         `json:"model"`
	Dataset string         `json:"dataset"`
	State   string         `json:"state"`
	Step    int64          `json:"step"`
	Done    int64          `json:"done"`
	Total   int64          `json:"total"`
	Rate    float64        `json:"rate"`
	ETA     float64        `json:"eta_seconds"`
	Best    map[string]any `json:"best"`
	Created time.Time      `json:"created"`
}

// Runs returns the newest runs first.
func (b board) Runs(ctx context.Context) ([]tui.Run, error) {
	var list struct {
		Runs []boardRow `json:"runs"`
	}
	if err := b.s.look(ctx, "runs_list", map[string]any{"limit": 200}, &list); err != nil {
		return nil, err
	}
	out := make([]tui.Run, 0, len(list.Runs))
	for _, r := range list.Runs {
		out = append(out, r.forScreen())
	}
	return out, nil
}

// forScreen turns a row into what the terminal program draws. An ended run's
// steps are all there were.
func (r boardRow) forScreen() tui.Run {
	run := tui.Run{
		ID: r.ID, Name: r.Name, Kind: r.Kind, Model: r.Model, Dataset: r.Dataset, State: r.State,
		Step: r.Done, Steps: r.Total, Rate: r.Rate, ETASeconds: r.ETA, Age: age(time.Since(r.Created)),
	}
	if !run.Active() {
		run.Step, run.Steps = r.Step, r.Step
	}
	for _, key := range []string{"test/dice", "val/dice"} {
		if v, ok := r.Best[key].(float64); ok {
			run.Score, run.HasScore = v, true
			break
		}
	}
	return run
}

// Curves returns the series that the terminal program draws.
func (b board) Curves(ctx context.Context, run string) (map[string][]tui.Point, error) {
	out := map[string][]tui.Point{}
	for title, metric := range map[string]string{"loss": "train/loss", "val dice": "val/dice"} {
		var history struct {
			Series []struct {
				Steps  []float64 `json:"steps"`
				Values []any     `json:"values"`
			} `json:"series"`
		}
		err := b.s.look(ctx, "metric_history", map[string]any{"run": run, "metric": metric}, &history)
		if problem := tools.AsError(err); problem != nil && problem.Code == tools.CodeNotFound {
			continue // nothing measured yet
		}
		if err != nil {
			return nil, err
		}
		for _, series := range history.Series {
			for i, v := range series.Values {
				if value, ok := v.(float64); ok {
					out[title] = append(out[title], tui.Point{Step: series.Steps[i], Value: value})
				}
			}
		}
	}
	return out, nil
}

// age says how long ago something was, the way people do.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}
