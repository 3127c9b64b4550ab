package tui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

// planView draws plan cards. Progress holds the last report of each step.
type planView struct {
	progress map[string]tools.Progress
	spinner  string
}

// render draws one plan: a line a step, its cost, what it writes, its state.
func (v planView) render(p *assistant.Plan, width int, st styles) string {
	head := "plan  " + count(len(p.Steps), "step")
	if cost := costLine(p.Cost()); cost != "" {
		head += "  " + cost
	}
	lines := []string{st.accent.Render(fit(head, width))}
	for i := range p.Steps {
		lines = append(lines, v.step(&p.Steps[i], width, st)...)
	}
	for _, a := range p.Assumptions {
		if strings.Contains(p.Reply, a) {
			continue // said already, beside the plan
		}
		for line := range strings.SplitSeq(wrap(clean(a), width-4, 2), "\n") {
			lines = append(lines, st.warn.Render(fit("  "+strings.TrimLeft(line, " "), width)))
		}
	}
	return strings.Join(lines, "\n")
}

// step draws one step: what, with which arguments, at what cost, how far.
func (v planView) step(s *assistant.Step, width int, st styles) []string {
	mark, look := stepMark(s.State, st)
	if s.State == assistant.StepRunning && v.spinner != "" {
		mark = v.spinner
	}
	effect := ""
	if s.Effect == tools.Destroy {
		effect = st.bad.Render("  destroys, cannot be undone")
	}
	first := fmt.Sprintf("  %s %s %s%s", clean(s.ID), look.Render(mark), st.bold.Render(clean(s.Tool)), effect)
	lines := []string{fit(first, width)}
	detail := describeStep(s)
	for line := range strings.SplitSeq(wrap(detail, width-6, 0), "\n") {
		lines = append(lines, st.dim.Render(fit("      "+line, width)))
	}
	if extra := v.stateLine(s); extra != "" {
		for line := range strings.SplitSeq(wrap(extra, width-6, 0), "\n") {
			lines = append(lines, fit("      "+line, width))
		}
	}
	return lines
}

// stateLine says how far a step is, or how it ended.
func (v planView) stateLine(s *assistant.Step) string {
	switch s.State {
	case assistant.StepRunning:
		if p, ok := v.progress[s.ID]; ok {
			return progressLine(p)
		}
		return "working"
	case assistant.StepDone:
		if s.Outcome != nil && s.Outcome.Summary != "" {
			return clean(s.Outcome.Summary) // how the run ended, not that it began
		}
		if s.Result != nil {
			return clean(s.Result.Summary)
		}
	case assistant.StepFailed:
		if s.Error != nil {
			return clean(strings.TrimSpace(s.Error.Message + "\n" + s.Error.Hint))
		}
	case assistant.StepSkipped:
		return "skipped: a step that it needs did not succeed"
	case assistant.StepRejected:
		if s.Error != nil && s.Error.Code == assistant.CodeDropped {
			return clean(s.Error.Message)
		}
		return "rejected"
	case assistant.StepPlanned, assistant.StepApproved:
	}
	return ""
}

// describeStep says what a step would do: its preview if there is one, else
// its arguments.
func describeStep(s *assistant.Step) string {
	if s.Preview == nil || s.Preview.Summary == "" {
		return arguments(s.Args)
	}
	parts := []string{clean(s.Preview.Summary)}
	if cost := costLine(s.Preview.Cost); cost != "" {
		parts = append(parts, cost)
	}
	if n := len(s.Preview.Writes); n > 0 && s.State == assistant.StepPlanned {
		parts = append(parts, "writes "+clean(strings.Join(s.Preview.Writes[:min(n, 2)], ", ")))
	}
	if n := len(s.Attempts); n > 0 && s.State == assistant.StepPlanned {
		parts = append(parts, "again, with "+clean(s.Attempts[n-1].Remedy))
	}
	return strings.Join(parts, " · ")
}

// arguments shows a JSON object as key value pairs in order of their names.
func arguments(raw json.RawMessage) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return clean(string(raw))
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	parts := make([]string, 0, len(keys))
	for _, k := range keys {
		parts = append(parts, k+" "+string(bytes.Trim(fields[k], `"`)))
	}
	return clean(strings.Join(parts, ", "))
}

// progressLine says how far a job is.
func progressLine(p tools.Progress) string {
	var parts []string
	if p.State == "queued" {
		parts = append(parts, "queued")
	}
	if p.Phase != "" {
		parts = append(parts, clean(p.Phase))
	}
	if p.Total > 0 {
		parts = append(parts, fmt.Sprintf("%s %d/%d", bar(float64(p.Done)/float64(p.Total), 10), p.Done, p.Total))
	}
	for _, name := range []string{"loss", "dice"} {
		if v, ok := p.Values[name]; ok {
			parts = append(parts, name+" "+number(v))
		}
	}
	if p.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.1f/s", p.Rate))
	}
	if p.ETA > 0 {
		parts = append(parts, "eta "+duration(p.ETA))
	}
	if p.Message != "" {
		parts = append(parts, clean(p.Message))
	}
	return strings.Join(parts, "  ")
}

func bar(fraction float64, width int) string {
	full := int(min(max(fraction, 0), 1)*float64(width) + 0.5)
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// costLine says time, memory and disk, each only if it matters.
func costLine(c tools.Cost) string {
	var parts []string
	if c.Seconds >= 1 {
		parts = append(parts, "~"+duration(c.Seconds))
	} else if c.Seconds > 0 {
		parts = append(parts, duration(c.Seconds))
	}
	if c.MemoryBytes > 0 {
		parts = append(parts, size(c.MemoryBytes)+" memory")
	}
	if c.DiskBytes > 0 {
		parts = append(parts, size(c.DiskBytes)+" disk")
	}
	return strings.Join(parts, ", ")
}

func stepMark(s assistant.StepState, st styles) (string, lipgloss.Style) {
	switch s {
	case assistant.StepDone:
		return "✓", st.good
	case assistant.StepRunning:
		return "▸", st.accent
	case assistant.StepFailed:
		return "✗", st.bad
	case assistant.StepSkipped, assistant.StepRejected:
		return "–", st.dim
	case assistant.StepPlanned, assistant.StepApproved:
		return "·", st.dim
	default:
		return "?", st.dim
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
