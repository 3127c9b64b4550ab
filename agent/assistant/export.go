package assistant

import (
	"context"
	"fmt"
	"strings"

	"github.com/minivess/minivess/tools"
)

// Export writes the conversation as Markdown: what was said, each plan with
// what came of its steps and who approved them, the answers, and the queries
// behind their numbers. Text from data is shown as text, never as markup.
func (a *Assistant) Export(ctx context.Context, thread, title string) (string, error) {
	messages, err := a.Transcript(ctx, thread)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nThread `%s`, %s.\n", escaped(title), thread, tools.Count(lastTurn(messages), "turn"))
	turn := 0
	for i := range messages {
		m := &messages[i]
		if m.Turn != turn {
			turn = m.Turn
			fmt.Fprintf(&b, "\n## Turn %d, %s\n", turn, m.Time.UTC().Format("2006-01-02 15:04 UTC"))
		}
		switch m.Role {
		case RoleUser:
			fmt.Fprintf(&b, "\n**You:** %s\n", escaped(m.Text))
		case RolePlan:
			exportPlan(&b, m.Plan)
		case RoleAssistant:
			fmt.Fprintf(&b, "\n**minivess:** %s\n", escaped(m.Text))
			exportSources(&b, m.Answer)
		case RoleNote:
		}
	}
	return b.String(), nil
}

func lastTurn(messages []Message) int {
	if len(messages) == 0 {
		return 0
	}
	return messages[len(messages)-1].Turn
}

func exportPlan(b *strings.Builder, p *Plan) {
	b.WriteString("\n| step | tool | state | what | approved by |\n|---|---|---|---|---|\n")
	for i := range p.Steps {
		s := &p.Steps[i]
		by := ""
		if s.Approval != nil {
			by = s.Approval.By + ", " + s.Approval.At.UTC().Format("2006-01-02 15:04 UTC")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", cell(s.ID), cell(s.Tool), s.State, cell(s.ending()), cell(by))
	}
}

// ending says in one line what came of a step, or what it would do.
func (s *Step) ending() string {
	switch {
	case s.Error != nil:
		return s.Error.Message
	case s.Outcome != nil && s.Outcome.Summary != "":
		return s.Outcome.Summary
	case s.Result != nil:
		return s.Result.Summary
	case s.Preview != nil:
		return s.Preview.Summary
	}
	return string(s.Args)
}

func exportSources(b *strings.Builder, a *Answer) {
	if a == nil {
		return
	}
	for _, s := range a.Sources {
		switch {
		case s.Query != "":
			fmt.Fprintf(b, "\nSource: step %s, %s", escaped(s.Step), escaped(s.Tool))
		case len(s.Numbers) > 0:
			fmt.Fprintf(b, "\nSource: step %s, %s", escaped(s.Step), escaped(s.Tool))
		default:
			continue
		}
		if s.Run != "" {
			fmt.Fprintf(b, ", run `%s`", strings.ReplaceAll(tools.Plain(s.Run), "`", "'"))
		}
		if len(s.Numbers) > 0 {
			fmt.Fprintf(b, " (%s)", escaped(strings.Join(s.Numbers, ", ")))
		}
		b.WriteString("\n")
		if s.Query != "" {
			fence := "```"
			for strings.Contains(s.Query, fence) {
				fence += "`"
			}
			fmt.Fprintf(b, "\n%ssql\n%s\n%s\n", fence, multiline(s.Query), fence)
		}
	}
}

// escaped is a text in which no character is markup; its lines stay.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range multiline(text) {
		if strings.ContainsRune("\\`*_{}[]<>#|!&~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(b.String(), "\n", "  \n")
}

// cell is escaped text for a table.
func cell(text string) string { return escaped(strings.Join(strings.Fields(tools.Plain(text)), " ")) }

// multiline takes what drives a terminal out of a text and keeps its lines.
func multiline(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(tools.Plain(lines[i]), " ")
	}
	return strings.Join(lines, "\n")
}
