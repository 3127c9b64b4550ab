package router

import (
	"sync"
	"time"
)

// limiter holds requests and tokens below so many a minute, over a window that
// slides.
type limiter struct {
	rpm, tpm int

	mu   sync.Mutex
	past []use // oldest first
}

type use struct {
	at     time.Time
	tokens int
}

const window = time.Minute

// wait is how long until a request of so many tokens may go; 0 means now. One
// that is larger than the whole limit may go when nothing else has for a
// minute, or it never could.
func (l *limiter) wait(now time.Time, tokens int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	var d time.Duration
	if n := len(l.past); l.rpm > 0 && n >= l.rpm {
		d = l.past[n-l.rpm].at.Add(window).Sub(now)
	}
	if l.tpm > 0 {
		sum := tokens
		for _, u := range l.past {
			sum += u.tokens
		}
		for _, u := range l.past {
			if sum <= l.tpm {
				break
			}
			d = max(d, u.at.Add(window).Sub(now))
			sum -= u.tokens
		}
	}
	return d
}

// take counts a request.
func (l *limiter) take(now time.Time, tokens int) {
	if l.rpm <= 0 && l.tpm <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	l.past = append(l.past, use{now, tokens})
}

func (l *limiter) forget(now time.Time) {
	old := 0
	for old < len(l.past) && !l.past[old].at.Add(window).After(now) {
		old++
	}
	l.past = l.past[old:]
}
