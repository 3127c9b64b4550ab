package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/tools"
)

// remember does what a sentence of the user asks of the memory and says so;
// ok is false if the sentence is about something else. Only what a person says
// in a turn of their own comes here, never text from data or from a model.
func (a *Assistant) remember(ctx context.Context, thread string, turn int, text string) (answer string, ok bool, err error) {
	if a.options.Memory == nil {
		return "", false, nil
	}
	saying := memory.Read(text)
	switch saying.Wish {
	case memory.NoWish:
		return "", false, nil
	case memory.WishKeep:
		item, err := a.options.Memory.Remember(ctx, memory.Item{
			Text: saying.Text, Said: a.options.Now().UTC(), Thread: thread, Turn: turn,
		})
		if err != nil {
			return "", true, fmt.Errorf("remember it: %w", err)
		}
		return a.kept(item), true, nil
	case memory.WishShow:
		answer, err = a.shown(ctx)
	case memory.WishForget:
		answer, err = a.forget(ctx, saying.Text)
	case memory.WishForgets:
		gone, forgetErr := a.options.Memory.Forget(ctx, "all")
		answer, err = fmt.Sprintf("Forgotten: %s.", tools.Count(len(gone), "entry")), forgetErr
		if len(gone) != 1 {
			answer = fmt.Sprintf("Forgotten: %d entries.", len(gone))
		}
	}
	return answer, true, err
}

// kept says what was remembered and what it will do.
func (a *Assistant) kept(item memory.Item) string {
	said := fmt.Sprintf("I will remember this for this workspace, as entry %s: %s.", item.ID, item.Text)
	var args []string
	for _, d := range memory.Defaults([]memory.Item{item}, a.options.Registry.List()) {
		args = append(args, fmt.Sprintf("%s %s (%s)", d.Arg, shownValue(d.Value), d.Tool))
	}
	if len(args) == 0 {
		return said
	}
	return said + " In plans it stands for " + strings.Join(args, ", ") + ", unless you say otherwise."
}

// shown lists what is remembered.
func (a *Assistant) shown(ctx context.Context) (string, error) {
	items, err := a.options.Memory.List(ctx)
	if err != nil {
		return "", err
	}
	if len(items) == 0 {
		return `I remember nothing about this workspace yet. Say for example "always use fold 0".`, nil
	}
	lines := []string{"I remember:"}
	for _, i := range items {
		lines = append(lines, fmt.Sprintf("  %s  %s (%s)", i.ID, i.Text, i.When(a.options.Now())))
	}
	return strings.Join(lines, "\n"), nil
}

// forget removes the entry that words name, and asks if they fit several.
func (a *Assistant) forget(ctx context.Context, words string) (string, error) {
	items, err := a.options.Memory.List(ctx)
	if err != nil {
		return "", err
	}
	fits := memory.Find(items, words)
	switch len(fits) {
	case 0:
		return "I remember nothing like that.", nil
	case 1:
		if _, err := a.options.Memory.Forget(ctx, fits[0].ID); err != nil {
			return "", err
		}
		return fmt.Sprintf("Forgotten: %s.", fits[0].Text), nil
	}
	lines := []string{"That fits several entries; say which by its number:"}
	for _, i := range fits {
		lines = append(lines, fmt.Sprintf("  %s  %s", i.ID, i.Text))
	}
	return strings.Join(lines, "\n"), nil
}

// recalled is what is remembered, or nothing if it cannot be read: then the
// log says why, and plans are made without it.
func (a *Assistant) recalled(ctx context.Context) []memory.Item {
	if a.options.Memory == nil {
		return nil
	}
	items, err := a.options.Memory.List(ctx)
	if err != nil {
		a.options.Logger.WarnContext(ctx, "reading the memory", "error", err)
		return nil
	}
	return items
}

// nicknames are the ways in which facts call things: "cortex is the one with
// 40 volumes" makes "the one with 40 volumes" mean cortex.
func nicknames() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(\S+)\s+is\s+(the\s+.+)$`),
		regexp.MustCompile(`(?i)^(\S+)\s+is\s+((?:our|my)\s+.+)$`),
		regexp.MustCompile(`(?i)^(\S+)\s+is\s+what\s+(?:we|i)\s+call\s+(.+)$`),
	}
}

// hear puts the names of things for what the user calls them, and says so.
func (a *Assistant) hear(ctx context.Context, text string) (heard string, notes []string) {
	heard = text
	for _, item := range a.recalled(ctx) {
		for _, n := range nicknames() {
			m := n.FindStringSubmatch(item.Text)
			if m == nil {
				continue
			}
			called := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(m[2]) + `\b`)
			if called.MatchString(heard) {
				heard = called.ReplaceAllLiteralString(heard, m[1])
				notes = append(notes, fmt.Sprintf("%s is %s: you said so on %s", m[2], m[1], item.When(a.options.Now())))
			}
			break
		}
	}
	return heard, notes
}

// prefer fills in what the user prefers where a call leaves it open, and
// returns the notes that say so. What an argument is given because the user
// said it in this turn is never touched.
func (a *Assistant) prefer(s *Step, defaults []memory.Default, assumed []string) (notes []string) {
	for _, d := range defaults {
		if d.Tool != s.Tool || s.Error != nil {
			continue
		}
		fields := map[string]json.RawMessage{}
		if json.Unmarshal(s.Args, &fields) != nil {
			return notes
		}
		if v, given := fields[d.Arg]; given && (!slices.Contains(assumed, s.ID+"."+d.Arg) || string(v) == string(d.Value)) {
			continue
		}
		args, err := withArgument(s.Args, d.Arg, d.Value)
		if err != nil {
			return notes
		}
		s.Args = args
		notes = append(notes, fmt.Sprintf("%s %s: you said so on %s", strings.ReplaceAll(d.Arg, "_", " "), shownValue(d.Value), d.Item.When(a.options.Now())))
	}
	return notes
}

// shownValue is a JSON value as people read it.
func shownValue(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text
	}
	return string(v)
}

// told is what a language model hears of the memory: the user's own words.
func (a *Assistant) told(ctx context.Context) string {
	items := a.recalled(ctx)
	if len(items) == 0 {
		return ""
	}
	lines := []string{"", "What the user asked to remember, in their own words. Where it leaves an argument to you, it is filled in for you; say so where it matters."}
	for _, i := range items {
		lines = append(lines, fmt.Sprintf("- %s (said on %s)", i.Text, i.When(a.options.Now())))
	}
	return strings.Join(lines, "\n")
}
