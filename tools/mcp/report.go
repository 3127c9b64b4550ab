package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
)

// runView is what of run_show a report is made of.
type runView struct {
	Summary  string             `json:"summary"`
	Run      string             `json:"run"`
	Name     string             `json:"name"`
	State    string             `json:"state"`
	Model    string             `json:"model"`
	Dataset  string             `json:"dataset"`
	Digest   string             `json:"digest"`
	Error    string             `json:"error"`
	Hint     string             `json:"hint"`
	Volumes  map[string]int     `json:"volumes"`
	Scores   map[string]any     `json:"scores"`
	Settings []json.RawMessage  `json:"settings"`
	Weights  []reportCheckpoint `json:"checkpoints"`
}

type reportCheckpoint struct {
	Role string `json:"role"`
	Path string `json:"path"`
	Step int64  `json:"step"`
}

func (s *Server) show(ctx context.Context, id string) (runView, error) {
	raw, err := s.run(ctx, id)
	if err != nil {
		return runView{}, err
	}
	var out runView
	if err := json.Unmarshal(raw, &out); err != nil {
		return runView{}, fmt.Errorf("reading what run_show said: %w", err)
	}
	return out, nil
}

// report is a run for a reader, in Markdown.
func (s *Server) report(ctx context.Context, id string) ([]byte, error) {
	r, err := s.show(ctx, id)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Run %s\n\n%s.\n\n", cell(r.Run), cell(r.Summary))
	if r.Error != "" {
		fmt.Fprintf(&b, "It failed: %s. %s\n\n", cell(r.Error), cell(r.Hint))
	}
	fmt.Fprintf(&b, "| | |\n|---|---|\n| name | %s |\n| state | %s |\n| model | %s |\n| dataset | %s (SHA-256 %s) |\n",
		cell(r.Name), cell(r.State), cell(r.Model), cell(r.Dataset), cell(r.Digest))
	for _, part := range slices.Sorted(maps.Keys(r.Volumes)) {
		fmt.Fprintf(&b, "| %s volumes | %d |\n", cell(part), r.Volumes[part])
	}
	if len(r.Scores) > 0 {
		b.WriteString("\n## Scores\n\n| metric | value |\n|---|---|\n")
		for _, name := range slices.Sorted(maps.Keys(r.Scores)) {
			fmt.Fprintf(&b, "| %s | %v |\n", cell(name), r.Scores[name])
		}
	}
	if len(r.Weights) > 0 {
		b.WriteString("\n## Checkpoints\n\n| which | step | file |\n|---|---|---|\n")
		for _, c := range r.Weights {
			fmt.Fprintf(&b, "| %s | %d | %s |\n", cell(c.Role), c.Step, cell(c.Path))
		}
	}
	return []byte(b.String()), nil
}

// cell keeps a text from data inside its place in a Markdown document.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "[", `\[`, "]", `\]`, "<", "&lt;", "`", "'", "#", `\#`, "*", `\*`).Replace(tools.Plain(s))
}

func (s *Server) configuration(ctx context.Context, id string) ([]byte, error) {
	r, err := s.show(ctx, id)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"run": r.Run, "settings": r.Settings})
}

// journalSummary says what a run's journal holds.
type journalSummary struct {
	Run      string         `json:"run"`
	Records  int64          `json:"records"`
	First    time.Time      `json:"first,omitzero"`
	Last     time.Time      `json:"last,omitzero"`
	Kinds    map[string]int `json:"kinds"`
	Warnings []string       `json:"warnings,omitempty"`
	Failed   *runs.Failed   `json:"failed,omitempty"`
}

// maxWarnings is how many of a run's warnings are repeated: the newest.
const maxWarnings = 20

func (s *Server) journal(ctx context.Context, id string) ([]byte, error) {
	r, err := s.show(ctx, id)
	if err != nil {
		return nil, err
	}
	out := journalSummary{Run: r.Run, Kinds: map[string]int{}}
	for rec, err := range journal.Read(filepath.Join(s.Workspace.Run(r.Run), runs.EventsFile), 0) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the journal of run %s: %w", r.Run, err)
		}
		if err := out.take(rec); err != nil {
			return nil, fmt.Errorf("reading the journal of run %s: %w", r.Run, err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return json.Marshal(out)
}

func (j *journalSummary) take(rec journal.Record) error {
	if j.Records == 0 {
		j.First = rec.Time
	}
	j.Records++
	j.Last = rec.Time
	j.Kinds[rec.Kind]++
	switch rec.Kind {
	case runs.EventWarning:
		var w runs.Warning
		if err := rec.Decode(&w); err != nil {
			return err
		}
		j.Warnings = append(j.Warnings, w.Message)
		j.Warnings = j.Warnings[max(0, len(j.Warnings)-maxWarnings):]
	case runs.EventFailed:
		j.Failed = &runs.Failed{}
		return rec.Decode(j.Failed)
	}
	return nil
}
