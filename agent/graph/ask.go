package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ask stores a question.
func (l *level[S]) ask(ctx context.Context, key string, q *Question) error {
	payload, err := json.Marshal(q.Payload)
	if err != nil {
		return fmt.Errorf("store question: %w", err)
	}
	place := address(l.path, key)
	fingerprint, err := l.fingerprint(key, payload, q.Binding)
	if err != nil {
		return fmt.Errorf("store question: %w", err)
	}
	in := Interrupt{
		ID: place + "#" + strconv.Itoa(l.s.records.serial()), Node: place, Payload: payload,
		Fingerprint: fingerprint, Strict: !q.lenient, Allow: slices.Clone(q.Allow),
	}
	if q.Expires > 0 {
		in.Expires = l.s.clock.Now().Add(q.Expires).UTC().Round(0)
	}
	l.mu.Lock()
	err = l.save(ctx, &Record{Kind: KindInterrupt, Run: l.at.run, Step: l.at.step, Node: key, Interrupt: &in}, nil)
	if err == nil {
		l.at.ask(asked{key, in})
	}
	l.mu.Unlock()
	if err == nil {
		err = l.s.records.flush(ctx) // nobody may see a question that a crash takes back
	}
	if err == nil && l.s.emit != nil {
		l.s.send(Event{Kind: EventInterrupt, Run: l.at.run, Step: l.at.step, Node: place, Interrupt: &in})
	}
	return err
}

// fingerprint binds an answer to thread, run, task, payload, binding and state.
func (l *level[S]) fingerprint(key string, payload json.RawMessage, binding any) (string, error) {
	bound, err := json.Marshal(binding)
	if err != nil {
		return "", err
	}
	state, err := l.g.Encode(l.at.state)
	if err != nil {
		return "", err
	}
	head, err := json.Marshal([]any{l.s.thread, l.at.run, address(l.path, key), l.at.step, payload, json.RawMessage(bound)})
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(head) // its end is known: it is one JSON value
	h.Write(state)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Encode renders a state as JSON, field by field in the order in which New got
// them. Equal states give equal bytes.
func (g *Graph[S]) Encode(s S) (json.RawMessage, error) {
	out := []byte{'{'}
	for i, f := range g.fieldOrder {
		raw, err := f.encode(&s)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendQuote(out, f.fieldName())
		out = append(append(out, ':'), raw...)
	}
	return append(out, '}'), nil
}

// take answers the question, if it is one of this level's or below.
func (l *level[S]) take(ctx context.Context, a Answer) (bool, error) {
	i := slices.IndexFunc(l.at.pending, func(q asked) bool { return q.in.ID == a.Interrupt })
	if i >= 0 {
		q := l.at.pending[i]
		if l.s.script == nil {
			if err := l.fair(q.in, a); err != nil {
				return true, err
			}
		}
		if err := l.save(ctx, &Record{Kind: KindAnswer, Run: l.at.run, Step: l.at.step, Node: q.key, Answer: &a}, nil); err != nil {
			return true, err
		}
		l.at.answer(a)
		return true, l.s.records.flush(ctx)
	}
	var found bool
	err := l.eachChild(func(c child) error {
		if found {
			return nil
		}
		var err error
		found, err = c.take(ctx, a)
		return err
	})
	return found, err
}

// fair says whether an answer may be given to a question now.
func (l *level[S]) fair(in Interrupt, a Answer) error {
	switch {
	case !in.Expires.IsZero() && !l.s.clock.Now().Before(in.Expires):
		return fmt.Errorf("%w: %q expired at %s", ErrExpired, in.ID, in.Expires.Format("2006-01-02 15:04:05"))
	case a.Fingerprint != in.Fingerprint && (in.Strict || a.Fingerprint != ""):
		return fmt.Errorf("%w: %q", ErrStale, in.ID)
	case len(in.Allow) > 0 && !slices.Contains(in.Allow, a.Verdict):
		return fmt.Errorf("%w: %q is not one of %v", ErrVerdict, a.Verdict, in.Allow)
	case !in.Strict:
		return nil
	case !slices.Contains([]Verdict{Approve, Edit, Reject, Respond}, a.Verdict):
		return fmt.Errorf("%w: verdict %q", ErrVerdict, a.Verdict)
	case len(a.Value) == 0 && (a.Verdict == Edit || a.Verdict == Respond):
		return fmt.Errorf("%w: %s needs a value", ErrVerdict, a.Verdict)
	case len(a.Value) > 0 && !json.Valid(a.Value):
		return fmt.Errorf("%w: the value is not JSON", ErrVerdict)
	}
	return nil
}

// expire drops questions that are too old to be answered and answers that are
// too old to be acted on; their nodes run again and ask again.
func (l *level[S]) expire(ctx context.Context) error {
	now := l.s.clock.Now()
	var old []asked
	for _, q := range l.at.pending {
		if !q.in.Expires.IsZero() && !now.Before(q.in.Expires) {
			old = append(old, q)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.at.answers)) {
		if in := l.at.answers[key].in; !in.Expires.IsZero() && !now.Before(in.Expires) {
			old = append(old, asked{key, in})
		}
	}
	for _, q := range old {
		if err := l.save(ctx, &Record{Kind: KindExpire, Run: l.at.run, Step: l.at.step, Node: q.key, Key: q.in.ID}, nil); err != nil {
			return err
		}
		l.at.expire(q.in.ID)
	}
	return l.eachChild(func(c child) error { return c.expire(ctx) })
}
