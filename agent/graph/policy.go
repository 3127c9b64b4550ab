package graph

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Policy says how a node is run. The zero value: once, without a limit.
type Policy[S any] struct {
	// Writes declares that the node changes something outside of the state. It
	// is never retried, cached or run by Replay, and all that happened before
	// and in it is stored before the run goes on, whatever the durability.
	Writes bool
	Retry  Retry
	// Timeout ends the context of each attempt with ErrTimeout, Idle with
	// ErrIdle when nothing was heard of the node for so long: Runtime.Emit,
	// Token, Note and Heartbeat are signs of life. A node must return when its
	// context ends; it is waited for.
	Timeout time.Duration
	Idle    time.Duration
	Cache   CacheRule[S]
}

// Retry says how often and after which pauses a node that failed is run again.
// The pause before attempt n+1 is Base·Factorⁿ⁻¹, at most Max, lengthened or
// shortened by up to the fraction Jitter.
type Retry struct {
	Attempts int           // in all; 0 and 1: no retry
	Base     time.Duration // default 500 ms
	Factor   float64       // default 2
	Max      time.Duration // default 30 s
	Jitter   float64       // 0 to 1; default 0.2
	// If says which errors are worth another attempt; default IsTransient.
	// Panics, and the end of the run's own context, never are.
	If func(error) bool
}

// CacheRule lets a node's result be used again for the same key until TTL has
// passed. Key may depend on the state and the task's payload; an empty key is
// not cached.
type CacheRule[S any] struct {
	Key func(s S, rt *Runtime) string
	TTL time.Duration
}

func (p Policy[S]) contradictions(nested bool) []string {
	var why []string
	say := func(wrong bool, what string) {
		if wrong {
			why = append(why, what)
		}
	}
	cached, retried := p.Cache.Key != nil || p.Cache.TTL != 0, p.Retry.Attempts > 1
	say(p.Writes && retried, "it writes, so it must not be retried")
	say(p.Writes && cached, "it writes, so it must not be cached")
	say(nested && (retried || cached), "a subgraph is neither retried nor cached as a whole; give its nodes the policy")
	say(cached && (p.Cache.Key == nil || p.Cache.TTL <= 0), "a cache needs a key and a positive time to live")
	say(nested && p.Idle != 0, "a subgraph has no idle timeout; give its nodes one")
	say(p.Timeout < 0 || p.Idle < 0, "a timeout below zero")
	r := p.Retry
	say(r.Attempts < 0 || r.Attempts > maxAttempts, "attempts must be 0 to "+strconv.Itoa(maxAttempts))
	say(r.Base < 0 || r.Max < 0 || r.Max > maxPause || math.IsNaN(r.Factor) || r.Factor < 0 || r.Factor > 100, "a pause below zero or over a day, or a factor that is not 0 to 100")
	say(math.IsNaN(r.Jitter) || r.Jitter < 0 || r.Jitter > 1, "jitter must be 0 to 1")
	return why
}

func (p *Policy[S]) plain() bool {
	return p.Retry.Attempts <= 1 && p.Timeout == 0 && p.Idle == 0 && p.Cache.Key == nil
}

// pause is how long to wait after a failed attempt, counted from 1. The same
// seed and place give the same pause.
func (r Retry) pause(attempt int, seed uint64, place string) time.Duration {
	base, factor, most, jitter := r.Base, r.Factor, r.Max, r.Jitter
	if base == 0 {
		base = 500 * time.Millisecond
	}
	if factor == 0 {
		factor = 2
	}
	if most == 0 {
		most = 30 * time.Second
	}
	if jitter == 0 {
		jitter = 0.2
	}
	d := math.Min(float64(base)*math.Pow(factor, float64(attempt-1)), float64(most))
	h := fnv.New64a()
	_, _ = h.Write([]byte(place))
	spread := rand.New(rand.NewPCG(seed, h.Sum64()+uint64(attempt))).Float64() //nolint:gosec // spreads retries, keeps no secret
	return time.Duration(d * (1 + jitter*(2*spread-1)))
}

func (r Retry) worthIt(err error) bool {
	if _, panicked := errors.AsType[*PanicError](err); panicked {
		return false
	}
	if r.If != nil {
		return r.If(err)
	}
	return IsTransient(err)
}

// Transient marks an error as one that may be gone at the next attempt.
func Transient(err error) error {
	if err == nil {
		return nil
	}
	return &transientError{err}
}

type transientError struct{ error }

func (e *transientError) Unwrap() error { return e.error }

// IsTransient says whether an error was marked with Transient, is a timeout of
// a node's policy, or says of itself that it is a timeout, as those of package
// net do.
func IsTransient(err error) bool {
	if _, ok := errors.AsType[*transientError](err); ok {
		return true
	}
	if errors.Is(err, ErrTimeout) || errors.Is(err, ErrIdle) {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// Clock is the time that a graph goes by.
type Clock interface {
	Now() time.Time
	// Sleep waits, or returns the context's error when that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// ClockOf is a clock that tells the time by now, and waits by the system's.
func ClockOf(now func() time.Time) Clock { return clock(now) }

type clock func() time.Time

func (c clock) Now() time.Time { return c() }

func (clock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
