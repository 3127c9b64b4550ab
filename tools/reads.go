package tools

import (
	"context"
	"fmt"
	"slices"
)

type readsKey struct{}

// withReads hands down which files, beside those in its arguments, a call was
// judged to read.
func withReads(ctx context.Context, reads []string) context.Context {
	return context.WithValue(ctx, readsKey{}, slices.Clone(reads))
}

// CheckReads refuses a running tool the files, beside those in its arguments,
// that the preview by which the call was judged did not list: what named them
// has changed since. Where no rules are in force nothing is refused.
func CheckReads(ctx context.Context, reads []string) error {
	judged, inForce := ctx.Value(readsKey{}).([]string)
	if !inForce {
		return nil
	}
	for _, path := range reads {
		if !slices.Contains(judged, path) {
			return Errorf(CodeRefused, "it would read %q, which was not looked at before: what names it has just changed", Plain(path)).
				WithHint("look at the preview and call it again")
		}
	}
	return nil
}

// Unnamed are the files that a ruling asks about without any argument naming
// them, for the approval of whoever is shown them; nil where there is no ruling.
func (r *Ruling) Unnamed() []string {
	if r == nil {
		return nil
	}
	return r.Reads
}

// unshown says which of the files that a ruling asks about were not shown to
// whoever approved the call; empty means that all were.
func unshown(r Ruling, a Approval) string {
	for _, path := range r.Reads {
		if !slices.Contains(a.Reads, path) {
			return fmt.Sprintf("it would read %q, which was not shown when it was approved", Plain(path))
		}
	}
	return ""
}
