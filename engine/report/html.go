package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed page/style.css
var style string

//go:embed page/sort.js
var script string

//go:embed page/parts.gohtml
var partsPage string

//go:embed page/evaluation.gohtml
var evaluationPage string

//go:embed page/comparison.gohtml
var comparisonPage string

// WriteHTML writes a report that is one file: styles, charts and pictures are
// within it, and it reaches for nothing outside. Pictures are drawn as they
// stand in the cases, in WorstFirst's order. Equal input gives equal bytes. An
// evaluation without cases is refused with ErrEmpty.
func WriteHTML(w io.Writer, e Evaluation) error {
	if len(e.Cases) == 0 {
		return fmt.Errorf("%w: the evaluation of %q has no volumes", ErrEmpty, e.Run)
	}
	return render(w, "evaluation", newEvaluationView(e.cleaned()))
}

// WriteComparison writes a report of several evaluations, volume by volume on
// the volumes that they share, in the manner of WriteHTML. Fewer than two are
// refused with ErrEmpty.
func WriteComparison(w io.Writer, c Comparison) error {
	if len(c.Evaluations) < 2 {
		return fmt.Errorf("%w: a comparison takes two evaluations, here are %d", ErrEmpty, len(c.Evaluations))
	}
	view, err := newComparisonView(c)
	if err != nil {
		return err
	}
	return render(w, "comparison", view)
}

// Mark is in the first MarkWithin bytes of every report, so that a program can
// tell one from a file of other origin.
const (
	Mark       = `<meta name="generator" content="minivess`
	MarkWithin = 1024
)

// head is what every page has.
type head struct {
	Title, Subtitle string
	Verdict         []string
	Notes           []string
	Made            string
	Version         string
	Policy          string // content security policy
	Style           template.CSS
	Script          template.JS
}

// newHead allows a page its own style and script, told by their digests, and
// pictures that it holds; nothing else.
func newHead(version string, made time.Time) head {
	h := head{Version: clean(version), Style: template.CSS(style), Script: template.JS(script)} //nolint:gosec // both are files of this package
	h.Policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
		digest(style), digest(script))
	h.Made = "Written by minivess"
	if h.Version != "" {
		h.Made += " " + h.Version
	}
	if !made.IsZero() {
		h.Made += ", " + stamp(made)
	}
	return h
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// fact is a line of a list of facts.
type fact struct {
	Term, Text string
	Mono       bool
}

// facts keeps those that say something.
func facts(all ...fact) []fact {
	var out []fact
	for _, f := range all {
		if f.Text != "" {
			out = append(out, f)
		}
	}
	return out
}

// cell is one value of a table.
type cell struct {
	Text, Class string
	Sort        string // by which the column is sorted, "" for no value
	Why         string // to be shown on pointing at it
}

func render(w io.Writer, name string, data any) error {
	t := template.New("report")
	for _, text := range []string{partsPage, evaluationPage, comparisonPage} {
		if _, err := t.Parse(text); err != nil {
			return fmt.Errorf("report: parse the page: %w", err)
		}
	}
	if err := t.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("report: write the page: %w", err)
	}
	return nil
}
