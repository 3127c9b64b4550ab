package evals

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Report is what came of a suite.
type Report struct {
	Suite   string       `json:"suite"`
	Seed    int64        `json:"seed"`
	Started time.Time    `json:"started"`
	Seconds float64      `json:"seconds"`
	Cases   []CaseResult `json:"cases"`
}

// CaseResult is what came of one case. Line is where it stands in its file.
type CaseResult struct {
	ID      string  `json:"id"`
	Family  string  `json:"family,omitempty"`
	Line    int     `json:"line"`
	Passed  bool    `json:"passed"`
	Seconds float64 `json:"seconds"`
	Misses  []Miss  `json:"misses,omitempty"`
	Turns   []Turn  `json:"turns,omitempty"`
}

// Passed tells whether every case did.
func (r Report) Passed() bool {
	return !slices.ContainsFunc(r.Cases, func(c CaseResult) bool { return !c.Passed })
}

// Count returns how many cases passed, and how many there are.
func (r Report) Count() (passed, total int) {
	for _, c := range r.Cases {
		if c.Passed {
			passed++
		}
	}
	return passed, len(r.Cases)
}

// WriteTable writes the report for people: one line a family, then the misses.
func (r Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	families, passed, total := r.families()
	width := len("family")
	for _, f := range families {
		width = max(width, len(f))
	}
	fmt.Fprintf(&b, "%-*s  passed\n", width, "family")
	for _, f := range families {
		fmt.Fprintf(&b, "%-*s  %d/%d\n", width, f, passed[f], total[f])
	}
	for _, c := range r.Cases {
		for i, m := range c.Misses {
			if i == 0 {
				fmt.Fprintf(&b, "\n✗ %s (line %d)\n", c.ID, c.Line)
			}
			where := "end state"
			if m.Turn > 0 {
				where = fmt.Sprintf("turn %d", m.Turn)
			}
			fmt.Fprintf(&b, "  %s: %s: %s\n", where, m.Code, printable(m.Detail))
		}
	}
	done, all := r.Count()
	fmt.Fprintf(&b, "\n%s: %d of %d cases passed in %.1f s\n", r.Suite, done, all, r.Seconds)
	_, err := io.WriteString(w, b.String())
	return err
}

// families lists the families in the order of their first case.
func (r Report) families() (names []string, passed, total map[string]int) {
	passed, total = map[string]int{}, map[string]int{}
	for _, c := range r.Cases {
		f := firstOf(c.Family, "other")
		if !slices.Contains(names, f) {
			names = append(names, f)
		}
		total[f]++
		if c.Passed {
			passed[f]++
		}
	}
	return names, passed, total
}

// WriteJSON writes the report as one JSON value.
func (r Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// printable strips control characters, so that text from a target cannot move
// the cursor of whoever reads the report.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}
