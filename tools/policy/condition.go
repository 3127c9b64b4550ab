package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// truth is what is known of whether something holds.
type truth int

const (
	no truth = iota
	unknown
	yes
)

// condition is what a rule wants of one argument or cost: a comparison with a
// number, or one of several texts, numbers or truth values.
type condition struct {
	key    string
	op     string // <, <=, >, >=, or "" for one of
	number float64
	oneOf  []pattern
}

// comparison is the form of a condition with a number.
var comparison = regexp.MustCompile(`\A(<=|>=|<|>)\s*(\S.*)\z`) //nolint:gochecknoglobals // compiled once, never changed

// quantity reads a number, with the units of its kind.
func quantity(key, text string) (float64, error) {
	text = strings.TrimSpace(text)
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 && isCost(key) {
			return 0, fmt.Errorf("%q is no amount", text)
		}
		return f, nil
	}
	switch key {
	case "seconds":
		if d, err := time.ParseDuration(text); err == nil && d >= 0 {
			return d.Seconds(), nil
		}
		return 0, fmt.Errorf("want seconds, or a time such as 90s, 20m or 8h, got %q", text)
	case "bytes", "memory":
		if f, ok := amountOfBytes(text); ok {
			return f, nil
		}
		return 0, fmt.Errorf("want bytes, or an amount such as 500MB or 20GB, got %q", text)
	}
	return 0, fmt.Errorf("want a number, got %q", text)
}

func isCost(key string) bool {
	switch key {
	case "seconds", "bytes", "memory", "gpu_hours", "launches":
		return true
	}
	return false
}

func amountOfBytes(text string) (float64, bool) {
	units := []struct {
		suffix string
		factor float64
	}{{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
	upper := strings.ToUpper(text)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(upper, u.suffix); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return f * u.factor, err == nil && f >= 0 && !math.IsInf(f, 0) && !math.IsNaN(f)
		}
	}
	return 0, false
}

// holds judges one value; texts are the forms in which a text can be compared,
// the last of them the one that counts for an allow.
func (c condition) holds(value any) (some, all truth) {
	if list, ok := value.([]any); ok {
		return c.holdsOfList(list)
	}
	if texts, ok := value.(spellings); ok {
		some = no
		for _, t := range texts {
			if hit, _ := c.holds(t); hit > some {
				some = hit
			}
		}
		_, all = c.holds(texts[len(texts)-1])
		return some, all
	}
	t := c.one(value)
	return t, t
}

// spellings are the ways to write one path, the real one last.
type spellings []string

func (c condition) holdsOfList(list []any) (some, all truth) {
	if len(list) == 0 {
		return no, no
	}
	some, all = no, yes
	for _, v := range list {
		s, a := c.holds(v)
		some, all = max(some, s), min(all, a)
	}
	return some, all
}

func (c condition) one(value any) truth {
	text, isText := value.(string)
	if isText && strings.HasPrefix(text, "@") && c.op != "" {
		return unknown
	}
	if c.op != "" {
		n, ok := number(value)
		if !ok {
			return unknown
		}
		return known(c.compare(n))
	}
	n, isNumber := number(value)
	for _, p := range c.oneOf {
		if isText && p.match.MatchString(text) {
			return yes
		}
		if f, err := strconv.ParseFloat(p.text, 64); !isText && isNumber && err == nil && f == n {
			return yes
		}
		if b, ok := value.(bool); ok && strconv.FormatBool(b) == p.text {
			return yes
		}
	}
	return no
}

func (c condition) compare(n float64) bool {
	switch c.op {
	case "<":
		return n < c.number
	case "<=":
		return n <= c.number
	case ">":
		return n > c.number
	default:
		return n >= c.number
	}
}

func known(b bool) truth {
	if b {
		return yes
	}
	return no
}

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case json.Number:
		f, err := v.Float64()
		return f, err == nil && !math.IsNaN(f)
	case float64:
		return v, !math.IsNaN(v)
	}
	return 0, false
}
