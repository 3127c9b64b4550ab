package tools

import (
	"context"
	"encoding/json"
	"strings"
)

// Planned is an earlier step of the plan that a preview belongs to, so that a
// preview can count on what that step is going to make: the dataset that step
// 1 creates, the run that step 2 launches.
type Planned struct {
	ID   string
	Tool string
	Args json.RawMessage
}

type plannedKey struct{}

// WithPlanned tells the previews made with ctx which steps come before.
func WithPlanned(ctx context.Context, steps []Planned) context.Context {
	return context.WithValue(ctx, plannedKey{}, steps)
}

// PlannedFrom returns the steps that WithPlanned put into ctx.
func PlannedFrom(ctx context.Context) []Planned {
	steps, _ := ctx.Value(plannedKey{}).([]Planned)
	return steps
}

// PlannedStep returns the earlier step with this id.
func PlannedStep(ctx context.Context, id string) (Planned, bool) {
	for _, s := range PlannedFrom(ctx) {
		if s.ID == id {
			return s, true
		}
	}
	return Planned{}, false
}

// ParseRef reads a reference to an earlier step's output, "@2.run".
func ParseRef(s string) (id, field string, ok bool) {
	rest, isRef := strings.CutPrefix(s, "@")
	if !isRef {
		return "", "", false
	}
	id, field, ok = strings.Cut(rest, ".")
	if !ok || id == "" || field == "" || strings.ContainsAny(s, " \t\n") {
		return "", "", false
	}
	return id, field, true
}
