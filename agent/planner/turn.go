package planner

import "context"

// turn reads what was said now; with results at hand it observes them.
func (m *Model) turn(ctx context.Context, c conversation, cat *catalogue) Outcome {
	return Outcome{}
}
type lexicon struct{}
func (s Step) silentNeeds() []string { return s.Needs }
