package evals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"
)

// Options say how a suite is run.
type Options struct {
	Parallel int              // cases at a time; default 2
	Seed     int64            // given to the target, mixed with the case's id
	Only     []string         // ids or families; empty runs all
	Now      func() time.Time // the clock; default time.Now
	Report   func(CaseResult) // called, one at a time, as cases end
}

// Run runs the cases of a suite against a target. The report lists them in
// the suite's order. An error means that the suite could not be run; cases
// that miss are in the report.
func Run(ctx context.Context, s *Suite, t Target, o Options) (Report, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Parallel <= 0 {
		o.Parallel = 2
	}
	cases, err := s.pick(o.Only)
	if err != nil {
		return Report{}, err
	}
	begun := o.Now()
	results := make([]CaseResult, len(cases))
	var group sync.WaitGroup
	var told sync.Mutex
	slots := make(chan struct{}, o.Parallel)
	for i, c := range cases {
		select {
		case <-ctx.Done():
			group.Wait()
			return Report{}, ctx.Err()
		case slots <- struct{}{}:
		}
		group.Go(func() {
			defer func() { <-slots }()
			results[i] = runCase(ctx, c, t, o)
			if o.Report != nil {
				told.Lock()
				defer told.Unlock()
				o.Report(results[i])
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	return Report{Suite: s.Name, Seed: o.Seed, Started: begun.UTC(), Seconds: o.Now().Sub(begun).Seconds(), Cases: results}, nil
}

// pick selects the cases to run.
func (s *Suite) pick(only []string) ([]*Case, error) {
	var out []*Case
	matched := map[string]bool{}
	for i := range s.Cases {
		c := &s.Cases[i]
		if len(only) == 0 {
			out = append(out, c)
			continue
		}
		for _, o := range only {
			if o == c.ID || o == c.Family {
				matched[o] = true
				if !slices.Contains(out, c) {
					out = append(out, c)
				}
			}
		}
	}
	for _, o := range only {
		if !matched[o] {
			return nil, fmt.Errorf("%w: %s has no case and no family called %q", ErrSuite, s.path, o)
		}
	}
	return out, nil
}

// runCase runs a case as often as it asks for; it passes only if it passes
// every time.
func runCase(ctx context.Context, c *Case, t Target, o Options) CaseResult {
	begun := o.Now()
	r := CaseResult{ID: c.ID, Family: c.Family, Line: c.line}
	for attempt := range c.Repeat {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout))
		turns, misses := attemptCase(ctx, c, t, seedFor(o.Seed, c.ID, attempt))
		cancel()
		r.Turns, r.Misses = turns, append(r.Misses, misses...)
		if len(misses) > 0 {
			break
		}
	}
	r.Passed, r.Seconds = len(r.Misses) == 0, o.Now().Sub(begun).Seconds()
	return r
}

// seedFor gives each case and attempt a seed of its own.
func seedFor(seed int64, id string, attempt int) int64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s/%d", seed, id, attempt)
	return int64(h.Sum64() >> 1)
}

// attemptCase sets the workspace up, says what is to be said, and judges.
func attemptCase(ctx context.Context, c *Case, t Target, seed int64) (turns []Turn, misses []Miss) {
	fail := func(turn int, format string, args ...any) []Miss {
		return append(misses, Miss{Code: MissError, Turn: turn, Detail: fmt.Sprintf(format, args...)})
	}
	session, err := t.Open(ctx, OpenOptions{Case: c.ID, Seed: seed})
	if err != nil {
		return nil, fail(0, "opening the target: %v", err)
	}
	defer func() {
		if err := session.Close(); err != nil {
			misses = append(misses, Miss{Code: MissError, Detail: fmt.Sprintf("closing the target: %v", err)})
		}
	}()
	for _, call := range c.Workspace {
		if _, err := invoke(ctx, session, call.Tool, call.Args); err != nil {
			return nil, fail(0, "setting up the workspace with %s: %v", call.Tool, err)
		}
	}
	for i, said := range c.Turns {
		turn, err := session.Say(ctx, said.Say, SayOptions{Mode: said.Mode, Approve: said.Approve})
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("no answer within %s", time.Duration(c.Timeout))
			}
			return turns, fail(i+1, "%v", err)
		}
		turns = append(turns, turn)
		misses = append(misses, judge(said, turn, i+1)...)
	}
	for _, st := range c.EndState {
		misses = append(misses, st.check(invoke(ctx, session, st.Tool, st.Args))...)
	}
	return turns, misses
}

// invoke calls a tool with plain arguments.
func invoke(ctx context.Context, s Session, tool string, args map[string]any) (json.RawMessage, error) {
	if args == nil {
		args = map[string]any{}
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encode the arguments of %s: %w", tool, err)
	}
	return s.Call(ctx, tool, raw)
}
