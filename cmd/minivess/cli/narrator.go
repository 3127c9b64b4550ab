package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/tools"
)

// narrator tells what happens in a turn, line by line, on stderr. On a
// terminal a job's progress is one line that changes in place; elsewhere it is
// a line now and then, so that logs stay short.
type narrator struct {
	streams Streams
	quiet   bool
	open    bool // an unfinished progress line stands on the terminal
	last    map[string]reported
	said    string // the words beside the plan
	draft   *draft // nil where what is not checked yet must not be seen
}

// reported is the last progress line written for a step.
type reported struct {
	at    time.Time
	phase string
	text  string
}

func newNarrator(s Streams, quiet bool) *narrator {
	n := &narrator{streams: s, quiet: quiet, last: map[string]reported{}}
	if !quiet && s.erases() {
		n.draft = &draft{out: s.Err, width: s.Width}
	}
	return n
}

// see tells one event.
func (n *narrator) see(e assistant.Event) {
	if n.quiet {
		return
	}
	if e.Kind == assistant.EventToken {
		if n.draft != nil {
			n.close()
			n.draft.hear(e.Text, e.Lost)
		}
		return
	}
	n.draft.erase()
	switch e.Kind {
	case assistant.EventReply:
		n.said += e.Text + "\n"
		n.line("%s", e.Text)
	case assistant.EventReview:
		n.changed(e.Review)
	case assistant.EventPlan:
		n.finish()
		if over(e.Plan) {
			for i := range e.Plan.Steps {
				n.step(&e.Plan.Steps[i])
			}
			return
		}
		n.plan(e.Plan, n.streams.Err)
	case assistant.EventDecision:
		if e.Decision != nil {
			n.line("      %s by %s", e.Decision.Verdict, e.Decision.By)
		}
	case assistant.EventStep:
		n.step(e.Step)
	case assistant.EventProgress:
		n.progress(e.StepID, e.Progress)
	case assistant.EventProblem:
		if e.Problem != nil {
			n.line("      %s", strings.TrimSpace(e.Problem.Message+"\n      "+e.Problem.Hint))
		}
	case assistant.EventTurn, assistant.EventThinking, assistant.EventToken, assistant.EventWithdrawn, assistant.EventAnswer, assistant.EventDone:
	}
}

// over says whether a plan is only told of: all of its steps have ended.
func over(p *assistant.Plan) bool {
	return p != nil && !slices.ContainsFunc(p.Steps, func(s assistant.Step) bool {
		return s.State != assistant.StepDone && s.State != assistant.StepFailed
	})
}

// plan prints a plan card: what, at what cost, what it writes, what cannot be
// undone. On stderr a long query is cut; where the plan is the result, nothing is.
func (n *narrator) plan(p *assistant.Plan, w io.Writer) {
	if p == nil {
		return
	}
	whole := w == n.streams.Out
	if p.Reply != "" && whole {
		_, _ = fmt.Fprintln(w, printable(p.Reply))
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		lead := "      "
		if i == 0 {
			lead = "plan  "
		}
		label := printable(fmt.Sprintf("%s%s %-24s ", lead, s.ID, s.Tool))
		text := purpose(s)
		if whole {
			text = fill(label, wordsOf(s, printable(text)), len(label))
		} else {
			text = label + ansi.Truncate(strings.Join(strings.Fields(printable(text)), " "), textWidth, "…")
		}
		text += cost(s)
		_, _ = fmt.Fprintln(w, text)
		for _, note := range consequences(s) {
			_, _ = fmt.Fprintf(w, "%*s%s\n", len(label), "", printable(note))
		}
	}
	for _, a := range p.Assumptions {
		if !strings.Contains(p.Reply, a) && !strings.Contains(n.said, a) {
			_, _ = fmt.Fprintln(w, fill("      ", strings.Fields(printable(a)), 6))
		}
	}
}

// changed says why a plan that was approved is asked about again.
func (n *narrator) changed(r *assistant.Review) {
	if r == nil || len(r.Changed) == 0 {
		return
	}
	n.line("      The plan is asked about again, because something is different now:")
	for _, c := range r.Changed {
		n.line("        %s", c)
	}
}

// purpose says what a step would do.
func purpose(s *assistant.Step) string {
	switch {
	case s.State == assistant.StepRejected && s.Error != nil:
		return "– " + s.Error.Message
	case s.Error != nil:
		return "cannot: " + s.Error.Message
	case s.Preview != nil:
		return s.Preview.Summary
	default:
		return string(s.Args)
	}
}

// touches says what a step does to what it names.
func touches(e tools.Effect) string {
	if e == tools.Destroy {
		return "ends or removes"
	}
	return "writes"
}

func cost(s *assistant.Step) string {
	if s.Preview == nil || s.Error != nil {
		return ""
	}
	return costText(s.Preview.Cost)
}

// wordsOf splits the purpose of a step where it may be broken.
func wordsOf(s *assistant.Step, text string) []string {
	if s.Tool == "runs_sql" {
		return sqlWords(text)
	}
	return strings.Fields(text)
}

// consequences are what somebody who approves a step ought to know.
func consequences(s *assistant.Step) []string {
	if s.Preview == nil || s.Effect == tools.Read || s.State == assistant.StepRejected {
		return nil
	}
	var notes []string
	for _, path := range s.Preview.Writes {
		notes = append(notes, touches(s.Effect)+" "+path)
	}
	notes = append(notes, s.Preview.Notes...)
	if s.Preview.Irreversible || s.Effect == tools.Destroy {
		notes = append(notes, "cannot be undone")
	}
	return notes
}

// step tells when a step ends.
func (n *narrator) step(s *assistant.Step) {
	if s == nil {
		return
	}
	switch s.State {
	case assistant.StepDone:
		n.line("      %s ✓ %s", s.ID, ending(s))
	case assistant.StepFailed:
		message := "failed"
		if s.Error != nil {
			message = s.Error.Message
		}
		n.line("      %s ✗ %s", s.ID, message)
	case assistant.StepSkipped:
		n.line("      %s – skipped", s.ID)
	case assistant.StepPlanned, assistant.StepApproved, assistant.StepRunning, assistant.StepRejected:
	}
}

// ending says how a step that is done ended: the run that it launched, if it
// did, else its own result.
func ending(s *assistant.Step) string {
	switch {
	case s.Outcome != nil && s.Outcome.Summary != "":
		return s.Outcome.Summary
	case s.Result != nil:
		return s.Result.Summary
	default:
		return "done"
	}
}

// progress shows how far a step is. That its run has ended is told by whoever
// waited for it.
func (n *narrator) progress(step string, p *tools.Progress) {
	if p == nil || p.State == "finished" || p.State == "failed" || p.State == "cancelled" {
		return
	}
	text := printable(fmt.Sprintf("      %s ▸ %s", step, progressText(*p)))
	last, now := n.last[step], time.Now()
	const every = 10 * time.Second
	if last.text == text || !n.streams.Terminal && last.phase == p.Phase+p.State && now.Sub(last.at) < every {
		return
	}
	n.last[step] = reported{now, p.Phase + p.State, text}
	if n.streams.Terminal {
		_, _ = fmt.Fprint(n.streams.Err, "\r\x1b[2K"+ansi.Truncate(text, n.streams.Width-1, "…"))
		n.open = true
		return
	}
	n.line("%s", text)
}

// line ends the progress line, if one stands, and prints.
func (n *narrator) line(format string, args ...any) {
	n.finish()
	_, _ = fmt.Fprintln(n.streams.Err, printable(fmt.Sprintf(format, args...)))
}

// finish puts the cursor on a line of its own.
func (n *narrator) finish() {
	n.draft.erase()
	n.close()
}

// close ends the progress line, if one stands.
func (n *narrator) close() {
	if n.open {
		_, _ = fmt.Fprintln(n.streams.Err)
		n.open = false
	}
}

// progressText says how far a job is, in one line.
func progressText(p tools.Progress) string {
	var parts []string
	for _, s := range []string{p.State, p.Phase} {
		if s != "" && s != "running" {
			parts = append(parts, s)
		}
	}
	if p.Total > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d", p.Done, p.Total))
	}
	for _, name := range []string{"loss", "dice"} {
		if v, ok := p.Values[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %.3f", name, v))
		}
	}
	if p.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.1f/s", p.Rate))
	}
	if p.ETA > 0 {
		parts = append(parts, "eta "+durationText(p.ETA))
	}
	if p.Message != "" {
		parts = append(parts, p.Message)
	}
	if len(parts) == 0 {
		return "starting"
	}
	return strings.Join(parts, "  ")
}

func costText(c tools.Cost) string {
	var parts []string
	if c.Seconds >= 1 {
		parts = append(parts, "~"+durationText(c.Seconds))
	} else if c.Seconds > 0 {
		parts = append(parts, durationText(c.Seconds))
	}
	if c.MemoryBytes > 0 {
		parts = append(parts, bytesText(c.MemoryBytes))
	}
	if c.DiskBytes > 0 {
		parts = append(parts, bytesText(c.DiskBytes)+" disk")
	}
	if len(parts) == 0 {
		return ""
	}
	return "   " + strings.Join(parts, "   ")
}

func durationText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "<1 s"
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d:%02d h", int(d.Hours()), int(d.Minutes())%60)
	}
}

func bytesText(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
