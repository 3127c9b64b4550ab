package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// stored is a node's result in the cache.
type stored struct {
	Writes []Change `json:"writes,omitempty"`
	To     []string `json:"to,omitempty"`
	Sends  []Sent   `json:"sends,omitempty"`
}

// governed runs a node under its policy: from the cache, or in attempts.
func (l *level[S]) governed(ctx context.Context, v *vertex[S], key string, s S, rt *Runtime) (done[S], *waitsFor, error) {
	name, err := l.cacheKey(v, s, rt)
	if err != nil {
		return done[S]{}, nil, err
	}
	if d, ok := l.fromCache(name); ok {
		return d, nil, nil
	}
	res, err := l.attempts(ctx, v, s, rt)
	if err != nil {
		return done[S]{}, nil, err
	}
	d, question, err := l.settle(v, res)
	if err != nil || question != nil || name == "" {
		return d, question, err
	}
	changes, err := encodeWrites(d.writes)
	if err != nil {
		return d, nil, err
	}
	raw, err := json.Marshal(stored{changes, d.to, d.sends})
	if err != nil {
		return d, nil, fmt.Errorf("cache the result of %s: %w", key, err)
	}
	l.s.cache.Put(name, raw, l.s.clock.Now().Add(v.policy.Cache.TTL))
	return d, nil, nil
}

func (l *level[S]) cacheKey(v *vertex[S], s S, rt *Runtime) (name string, err error) {
	if v.policy.Cache.Key == nil || l.s.script != nil || rt.answered {
		return "", nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = newPanicError(p)
		}
	}()
	if key := v.policy.Cache.Key(s, rt); key != "" {
		return l.g.name + "/" + v.name + "/" + key, nil
	}
	return "", nil
}

// fromCache reads a result; one that does not fit any more is a miss.
func (l *level[S]) fromCache(name string) (done[S], bool) {
	if name == "" {
		return done[S]{}, false
	}
	raw, ok := l.s.cache.Get(name, l.s.clock.Now())
	if !ok {
		return done[S]{}, false
	}
	var r stored
	if err := json.Unmarshal(raw, &r); err != nil {
		return done[S]{}, false
	}
	writes, err := l.g.decode(r.Writes)
	if err != nil {
		return done[S]{}, false
	}
	return done[S]{writes, r.To, r.Sends}, true
}

// attempts runs a node until it succeeds, fails for good or has been tried
// often enough.
func (l *level[S]) attempts(ctx context.Context, v *vertex[S], s S, rt *Runtime) (Result[S], error) {
	p := v.policy
	for {
		res, err := l.attempt(ctx, v, s, rt)
		if err == nil || rt.attempt >= p.Retry.Attempts || ctx.Err() != nil || !p.Retry.worthIt(err) {
			return res, err
		}
		pause := p.Retry.pause(rt.attempt, l.s.seed, rt.Key())
		if l.s.emit != nil {
			l.s.send(Event{Kind: EventRetry, Run: rt.run, Step: rt.step, Node: rt.address, Elapsed: pause, Err: err})
		}
		if serr := l.s.clock.Sleep(ctx, pause); serr != nil {
			return res, errors.Join(err, serr)
		}
		again := *rt // an attempt that is cut off must not see the next one's counter
		again.attempt++
		l.mu.Lock()
		again.notes = l.at.notes[rt.key]
		l.mu.Unlock()
		rt = &again
	}
}

func (l *level[S]) attempt(ctx context.Context, v *vertex[S], s S, rt *Runtime) (Result[S], error) {
	if v.policy.Timeout == 0 && v.policy.Idle == 0 {
		return call(ctx, v.run, s, rt)
	}
	ctx, stop := limited(ctx, v.policy.Timeout, v.policy.Idle, rt)
	defer stop()
	res, err := call(ctx, v.run, s, rt)
	return res, causeOf(ctx, err)
}

// causeOf says why a context ended where a node only says that it did.
func causeOf(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(err, cause) || !errors.Is(err, ctx.Err()) {
		return err
	}
	return cause
}
