package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// script is what a thread's records say about one step of the outermost
// graph: what a replay goes by and is compared with.
type script struct {
	results map[string][]Record // by address: what tasks came to, in order
	asked   map[string][]Record // by address: questions that were answered, in order
	answers map[string]Answer   // by question
}

func newScript(records []Record) *script {
	s := &script{results: map[string][]Record{}, asked: map[string][]Record{}, answers: map[string]Answer{}}
	for _, rec := range records {
		place := address(rec.Path, rec.Node)
		switch rec.Kind {
		case KindTask:
			s.results[place] = append(s.results[place], rec)
		case KindStep, KindInner:
			if rec.Node != "" {
				s.results[place] = append(s.results[place], asResult(rec))
			}
		case KindInterrupt:
			s.asked[place] = append(s.asked[place], rec)
		case KindAnswer:
			s.answers[rec.Answer.Interrupt] = *rec.Answer
		default:
		}
	}
	return s
}

// asResult reads the record of a step with one task as that of the task.
func asResult(rec Record) Record {
	var to []string
	for _, key := range rec.Next {
		if _, i := splitKey(key); i < 0 {
			to = append(to, key)
		}
	}
	if len(rec.Next) == 0 {
		to = []string{End}
	}
	rec.Next = to
	return rec
}

// reply finds the recorded answer to a question that a replay asks.
func (s *script) reply(in Interrupt) (Answer, error) {
	for i, rec := range s.asked[in.Node] {
		a, answered := s.answers[rec.Interrupt.ID]
		if !answered || !bytes.Equal(rec.Interrupt.Payload, in.Payload) {
			continue
		}
		s.asked[in.Node] = slices.Delete(s.asked[in.Node], i, i+1)
		a.Interrupt, a.Fingerprint = in.ID, in.Fingerprint
		return a, nil
	}
	return Answer{}, fmt.Errorf("%w: %s asks %s, which was not answered then", ErrDiverged, in.Node, in.Payload)
}

// scripted is what a task that writes came to when it really ran.
func scripted[S any](l *level[S], key string) (done[S], error) {
	place := address(l.path, key)
	s := l.s.script
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(s.results[place]) == 0 {
		return done[S]{}, fmt.Errorf("%w: %s did not run then", ErrDiverged, place)
	}
	rec := s.results[place][0]
	s.results[place] = s.results[place][1:]
	writes, err := l.g.decode(rec.Writes)
	return done[S]{writes, rec.Next, rec.Sends}, err
}

// essence is what must be equal in a replay: where in the graph, what was
// written, what followed.
func essence(rec Record) (string, error) {
	raw, err := json.Marshal(Record{
		Kind: rec.Kind, Run: rec.Run, Step: rec.Step, Path: rec.Path, Node: rec.Node,
		Writes: rec.Writes, Next: rec.Next, Sends: rec.Sends,
	})
	return string(raw), err
}

// differing compares the records of a step with those of its replay. Tasks
// that ran side by side may have come to their end in another order.
func differing(then, now []Record) error {
	a, err := essences(then)
	if err != nil {
		return err
	}
	b, err := essences(now)
	if err != nil {
		return err
	}
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Errorf("%w: now also %s", ErrDiverged, b[i])
		case i >= len(b):
			return fmt.Errorf("%w: then also %s", ErrDiverged, a[i])
		case a[i] != b[i]:
			return fmt.Errorf("%w: then %s, now %s", ErrDiverged, a[i], b[i])
		}
	}
	return nil
}

func essences(records []Record) ([]string, error) {
	var all []string
	for _, rec := range records {
		switch rec.Kind {
		case KindInput, KindEnter, KindStep, KindInner, KindTask:
			e, err := essence(rec)
			if err != nil {
				return nil, err
			}
			all = append(all, e)
		default:
		}
	}
	slices.Sort(all)
	return all, nil
}
