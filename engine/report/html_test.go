package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/minivess/minivess/engine/metrics"
	"github.com/minivess/minivess/engine/metrics/cases"
	"github.com/minivess/minivess/engine/report"
)

// scored is an evaluation of n volumes, the first of which was missed, the
// second not judged, and the third without a centreline.
func scored(n int, shift float64) report.Evaluation {
	e := report.Evaluation{
		Run: "brisk-otter-7f3a", Name: "first try", Job: "calm-heron-01bc", Model: "segresnet", Dataset: "minivess", DatasetDigest: "sha256:1234", Split: "test",
		Checkpoint: "checkpoints/best.safetensors", CheckpointDigest: "abcd", Step: 400, Epoch: 8,
		Made: time.Date(2026, 3, 1, 12, 30, 0, 0, time.FixedZone("", 3600)), Version: "v1.2.3",
		Scoring: report.Scoring{Definition: "minivess", Empty: "penalise", Unit: "um", Tolerance: 2},
		Metrics: []string{"dice", "hd95", "cldice"},
	}
	for i := range n {
		d := 0.6 + shift + float64(i*i%11)/40
		c := report.Case{Volume: fmt.Sprintf("mv%02d", i+1), Shape: [3]int{64, 64, 16}, Spacing: [3]float64{0.5, 0.5, 2}, Scores: report.Scores{
			Values:   map[string]float64{"dice": d, "hd95": 12 * (1 - d), "cldice": d + 0.05},
			Excluded: map[string]string{}, ByPolicy: map[string]string{},
		}}
		switch i {
		case 0:
			c.Values = map[string]float64{"dice": 0, "hd95": 57.3, "cldice": 0}
			for m := range c.Values {
				c.ByPolicy[m] = "the prediction is empty and the reference is not"
			}
		case 1:
			c.Values, c.Failure = nil, "the image is gone"
			c.Excluded = map[string]string{"dice": "not judged", "hd95": "not judged", "cldice": "not judged"}
		case 2:
			delete(c.Values, "cldice")
			c.Excluded["cldice"] = "no centreline"
		}
		e.Cases = append(e.Cases, c)
	}
	return e
}

func written(tb testing.TB, write func(io.Writer) error) string {
	tb.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func page(tb testing.TB, e report.Evaluation) string {
	tb.Helper()
	return written(tb, func(w io.Writer) error { return report.WriteHTML(w, e) })
}

func compared(tb testing.TB, c report.Comparison) string {
	tb.Helper()
	return written(tb, func(w io.Writer) error { return report.WriteComparison(w, c) })
}

func three() report.Comparison {
	b, c := scored(9, 0.1), scored(8, -0.02)
	b.Run, b.Name, b.Job = "calm-camel-0002", "", "judge-2"
	c.Run, c.Name, c.Job = "deft-dingo-0003", "", "judge-3"
	return report.Comparison{Evaluations: []report.Evaluation{scored(9, 0), b, c}, Made: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Version: "v1.2.3", Notes: []string{"a note"}}
}

// stripped takes out what is not data.
func stripped(s string) string {
	for _, tag := range []string{"style", "script"} {
		s = regexp.MustCompile(`(?s)<`+tag+`>.*?</`+tag+`>`).ReplaceAllString(s, "<"+tag+"/>")
	}
	return regexp.MustCompile(`sha256-\S*?&#39;`).ReplaceAllString(s, "sha256-DIGEST&#39;")
}

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	golden(t, "evaluation.html", stripped(page(t, scored(8, 0))))
	golden(t, "comparison.html", stripped(compared(t, three())))
}

func TestPagesAreDeterministic(t *testing.T) {
	t.Parallel()
	one, several := page(t, scored(9, 0)), compared(t, three())
	for range 3 {
		if page(t, scored(9, 0)) != one || compared(t, three()) != several {
			t.Fatal("equal input gives different pages")
		}
	}
}

// TestPagesAreCompleteInThemselves looks for anything that a browser would
// fetch, and checks that the policy allows the page's own style and script.
func TestPagesAreCompleteInThemselves(t *testing.T) {
	t.Parallel()
	e := scored(8, 0)
	p, err := report.Picture(t.Context(), tube(t, [3]int{16, 12, 5}, [3]float64{1, 1, 2}), report.PictureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.Cases[4].Pictures = &p
	for name, s := range map[string]string{"evaluation": page(t, e), "comparison": compared(t, three())} {
		if !strings.Contains(s[:report.MarkWithin], report.Mark) {
			t.Errorf("%s: no mark in the first %d bytes", name, report.MarkWithin)
		}
		policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(s)[1])
		for _, tag := range []string{"style", "script"} {
			content := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(s, -1)
			if len(content) != 1 {
				t.Fatalf("%s: %d elements %s", name, len(content), tag)
			}
			sum := sha256.Sum256([]byte(content[0][1]))
			if want := fmt.Sprintf("%s-src 'sha256-%s'", tag, base64.StdEncoding.EncodeToString(sum[:])); !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q does not allow its own %s", name, policy, tag)
			}
		}
		if !strings.HasPrefix(policy, "default-src 'none'; img-src data:;") {
			t.Errorf("%s: policy %q", name, policy)
		}
		bare := stripped(s)
		for _, pattern := range []string{`(?i)https?:`, `\ssrc="(?:[^d]|d[^a])`, `\shref="(?:[^d]|d[^a])`, `\sstyle=`, `\son[a-z]+=`, `url\(`, `<(?:iframe|object|embed|form|base)`} {
			if found := regexp.MustCompile(pattern).FindString(bare); found != "" {
				t.Errorf("%s: %q in the page", name, found)
			}
		}
	}
	layers := 0
	for _, v := range p.Views {
		layers += len(v.Layers)
	}
	if n := strings.Count(page(t, e), `<img src="data:image/png;base64,`); n != layers || n < 8 {
		t.Errorf("%d pictures, want %d", n, layers)
	}
}

// TestPicturesSurviveThePage takes the pictures out of the page again.
func TestPicturesSurviveThePage(t *testing.T) {
	t.Parallel()
	p, err := report.Picture(t.Context(), tube(t, [3]int{16, 12, 5}, [3]float64{1, 1, 2}), report.PictureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := scored(4, 0)
	e.Cases[3].Pictures = &p
	found := regexp.MustCompile(`src="data:image/png;base64,([^"]*)"`).FindAllStringSubmatch(page(t, e), -1)
	i := 0
	for _, v := range p.Views {
		for _, l := range v.Layers {
			b, err := base64.StdEncoding.DecodeString(html.UnescapeString(found[i][1]))
			if err != nil || !bytes.Equal(b, l.PNG) {
				t.Errorf("picture %d is not the one that was drawn: %v", i, err)
			}
			i++
		}
	}
}

const nasty = "<script>alert(1)</script>\"'&\x1b[31mred\x1b]8;;http://evil.example\x07\u202e\u0000\u009b {{.}} </style>"

// TestNothingFromDataIsMarkup puts markup, terminal escapes and bidirectional
// overrides wherever text from data can stand.
func TestNothingFromDataIsMarkup(t *testing.T) {
	t.Parallel()
	e := scored(6, 0)
	for _, s := range []*string{&e.Run, &e.Name, &e.Job, &e.Model, &e.Dataset, &e.DatasetDigest, &e.Split, &e.Checkpoint, &e.CheckpointDigest, &e.Version, &e.Scoring.Unit, &e.Scoring.Definition, &e.Scoring.Empty} {
		*s = nasty
	}
	e.Notes, e.Metrics = []string{nasty}, []string{"dice", "hd95", nasty}
	c := &e.Cases[3]
	c.Volume = nasty
	c.Values[nasty], c.Excluded[nasty], c.ByPolicy["dice"] = 1, nasty, nasty
	e.Cases[4].Failure = nasty
	c.Labels = []report.LabelScores{{Label: 1, Name: nasty, Scores: c.Scores}, {Label: 2, Scores: c.Scores}}
	c.Pictures = &report.Pictures{Notes: []string{nasty}, Views: []report.View{{Caption: nasty, Layers: []report.Layer{{Kind: nasty, Alt: nasty, PNG: []byte(nasty)}}}}}
	other := scored(6, 0.1)
	for name, s := range map[string]string{
		"evaluation": page(t, e), "comparison": compared(t, report.Comparison{Evaluations: []report.Evaluation{e, other, e}, Version: nasty, Notes: []string{nasty}}),
	} {
		if n := strings.Count(s, "<script"); n != 1 {
			t.Errorf("%s: %d scripts", name, n)
		}
		if n := strings.Count(s, "</style>"); n != 1 {
			t.Errorf("%s: %d ends of style", name, n)
		}
		for _, r := range s {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%s: the character %U", name, r)
			}
		}
		if strings.Contains(s, "alert(1)</script>") || !strings.Contains(s, "&lt;script&gt;alert(1)") {
			t.Errorf("%s: the text is not shown as text", name)
		}
	}
}

func TestLongTextIsCut(t *testing.T) {
	t.Parallel()
	e := scored(3, 0)
	e.Name = strings.Repeat("ä", 100_000)
	if s := page(t, e); len(s) > 60_000 {
		t.Errorf("a name of 200 kB makes a page of %d bytes", len(s))
	}
}

func TestPagesRefuse(t *testing.T) {
	t.Parallel()
	if err := report.WriteHTML(io.Discard, report.Evaluation{Run: "x"}); !errors.Is(err, report.ErrEmpty) {
		t.Errorf("no cases: %v", err)
	}
	if err := report.WriteComparison(io.Discard, report.Comparison{Evaluations: []report.Evaluation{scored(3, 0)}}); !errors.Is(err, report.ErrEmpty) {
		t.Errorf("one evaluation: %v", err)
	}
	other := scored(3, 0)
	other.Metrics = []string{"nsd"}
	if err := report.WriteComparison(io.Discard, report.Comparison{Evaluations: []report.Evaluation{scored(3, 0), other}}); !errors.Is(err, report.ErrEmpty) {
		t.Errorf("nothing in common: %v", err)
	}
	full := errors.New("disk full")
	if err := report.WriteHTML(failing{full}, scored(3, 0)); !errors.Is(err, full) {
		t.Errorf("a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestVerdicts(t *testing.T) {
	t.Parallel()
	value := func(v ...float64) []report.Case {
		var out []report.Case
		for i, x := range v {
			out = append(out, report.Case{Volume: fmt.Sprintf("mv%d", i+1), Scores: report.Scores{Values: map[string]float64{"dice": x, "hd95": x}}})
		}
		return out
	}
	for name, c := range map[string]struct {
		cases  []report.Case
		metric string
		split  string
		says   []string
		not    string
	}{
		"one":  {value(0.5), "dice", "test", []string{"On the only volume with a value, Dice is 0.500.", "One volume says nothing about the spread"}, "interval of the mean"},
		"few":  {value(0.5, 0.7), "dice", "test", []string{"Over 2 volumes the mean Dice is 0.600. The best volume has 0.700, the worst 0.500 (mv1).", "2 volumes are too few for an interval"}, "95 % interval of the mean"},
		"many": {value(0.5, 0.6, 0.7, 0.8, 0.9), "dice", "test", []string{"Over 5 volumes the mean Dice is 0.700 (95 % interval of the mean 0.5", "half of them lie within 0.600–0.800"}, "too few"},
		"distance, and the greatest is the worst": {value(1, 2, 3, 4, 15), "hd95", "test", []string{"the mean HD95 is 5.00 µm", "The best volume has 1.00, the worst 15.00 (mv5)"}, ""},
		"an infinite distance":                    {value(1, math.Inf(1), 3), "hd95", "test", []string{"the worst 3.00 (mv3)", "1 volume was left out of the mean"}, ""},
		"validation":                              {value(0.5, 0.7), "dice", "val", []string{"the val split took part in making the model"}, ""},
		"test is held":                            {value(0.5, 0.7), "dice", "test", nil, "took part"},
		"none":                                    {value(math.NaN(), math.Inf(1)), "dice", "test", []string{"None of the 2 volumes has a Dice, so there is nothing to conclude"}, "mean Dice"},
		"no metric":                               {[]report.Case{{Volume: "mv1"}}, "", "test", []string{"No metric was computed"}, ""},
		"left out": {
			append(value(0.5, 0.7), report.Case{Volume: "x", Failure: "gone"}, report.Case{Volume: "y"}),
			"dice", "test",
			[]string{"1 volume was left out of the mean: judging failed.", "1 volume was left out of the mean, having no Dice."},
			"",
		},
		"by policy": {scored(6, 0).Cases, "dice", "test", []string{"1 volume was scored by the policy for empty masks, not by measuring."}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := report.Evaluation{Run: "r", Split: c.split, Cases: c.cases, Scoring: report.Scoring{Unit: "um"}}
			if c.metric != "" {
				e.Metrics = []string{c.metric}
			}
			s := html.UnescapeString(page(t, e))
			verdict, _, _ := strings.Cut(s, "<h2>")
			for _, want := range c.says {
				if !strings.Contains(verdict, want) {
					t.Errorf("%q is not in %s", want, verdict[strings.Index(verdict, "<section"):])
				}
			}
			if c.not != "" && strings.Contains(verdict, c.not) {
				t.Errorf("%q is in %s", c.not, verdict[strings.Index(verdict, "<section"):])
			}
		})
	}
}

func TestWorstFirst(t *testing.T) {
	t.Parallel()
	e := scored(6, 0)
	names := func() (out []string) {
		for _, i := range e.WorstFirst() {
			out = append(out, e.Cases[i].Volume)
		}
		return out
	}
	if got := strings.Join(names(), " "); got != "mv01 mv04 mv03 mv05 mv06 mv02" && got[:4] != "mv01" || got[len(got)-4:] != "mv02" {
		t.Errorf("by Dice: %s", got)
	}
	e.Metrics = []string{"hd95"}
	if got := names(); got[0] != "mv01" || got[5] != "mv02" {
		t.Errorf("by HD95: %s", got)
	}
	rows := regexp.MustCompile(`data-value="(mv\d+)"`).FindAllStringSubmatch(page(t, e), -1)
	for i, want := range names() {
		if rows[i][1] != want {
			t.Errorf("row %d is %s, want %s", i, rows[i][1], want)
		}
	}
}

// TestComparisonSaysWhatTheStatisticsSay compares the page with cases.CompareAll
// on the same numbers.
func TestComparisonSaysWhatTheStatisticsSay(t *testing.T) {
	t.Parallel()
	c := three()
	c.Metrics = []string{"dice"}
	var all []cases.Scores
	for _, e := range c.Evaluations {
		s := cases.Scores{Name: e.Run}
		for i := range 9 {
			v := math.NaN()
			if i < len(e.Cases) && i != 1 {
				v = e.Cases[i].Values["dice"]
			}
			s.Values = append(s.Values, v)
		}
		all = append(all, s)
	}
	want, err := cases.CompareAll(all, cases.Question{Metric: "Dice", HigherIsBetter: true}, cases.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := html.UnescapeString(compared(t, c))
	if !strings.Contains(s, want.Verdict) {
		t.Errorf("the page does not say %q", want.Verdict)
	}
	for _, p := range want.Pairs {
		row := regexp.MustCompile(`<span class="id">` + p.Question.B + `</span><br><small>minus <span class="id">` + p.Question.A + `</span></small></th>(.*)</tr>`).FindStringSubmatch(s)
		if row == nil {
			t.Fatalf("no row for %s and %s", p.Question.A, p.Question.B)
		}
		for _, cell := range []string{fmt.Sprint(p.N), fmt.Sprintf("%.2g", p.P), fmt.Sprintf("%.2g", p.Adjusted)} {
			if !strings.Contains(row[1], "<td>"+cell+"</td>") {
				t.Errorf("%s and %s: %s is not in %s", p.Question.A, p.Question.B, cell, row[1])
			}
		}
	}
	if !strings.Contains(s, "over the 7 shared volumes") {
		t.Error("the number of shared volumes")
	}
}

func TestComparisonWarnsOfUnlikeThings(t *testing.T) {
	t.Parallel()
	c := three()
	e := &c.Evaluations[1]
	e.Split, e.Dataset, e.DatasetDigest, e.Scoring.Definition, e.Scoring.Tolerance, e.Scoring.Empty = "val", "other", "sha256:99", "monai", 1, "nan"
	s := html.UnescapeString(compared(t, c))
	for _, want := range []string{
		"different splits: test, val", "different datasets: minivess, other", "the digests differ): sha256:1234, sha256:99", "different definitions: minivess, monai",
		"tolerances of NSD differ: 2 um, 1 um", "policies for empty masks differ: penalise, nan", "<li>a note</li>",
	} {
		if !strings.Contains(s, want) {
			t.Errorf("no warning of %q", want)
		}
	}
	if s := compared(t, three()); strings.Contains(s, "Differences may come from that") {
		t.Error("a warning without a reason")
	}
}

// TestManyRunsAreComparedInShort shows the best against the others.
func TestManyRunsAreComparedInShort(t *testing.T) {
	t.Parallel()
	var c report.Comparison
	for i := range 10 {
		e := scored(6, float64(i)/100)
		e.Run = "same-name" // told apart by a number
		c.Evaluations = append(c.Evaluations, e)
	}
	c.Metrics = []string{"dice"}
	s := compared(t, c)
	if n := strings.Count(s, "minus <span"); n != 9 || !strings.Contains(s, "36 more pairs") || !strings.Contains(s, "same-name (10)") {
		t.Errorf("%d pairs", n)
	}
}

// TestManyMetricsHaveSeveralTables keeps a page fit to print.
func TestManyMetricsHaveSeveralTables(t *testing.T) {
	t.Parallel()
	e := scored(3, 0)
	e.Metrics = metrics.Choice()
	s := page(t, e)
	if n := strings.Count(s, `<table class="sortable">`); n != (len(e.Metrics)+8)/9 || strings.Count(s, "<td data-value")+strings.Count(s, `<td class="none"`) != 3*len(e.Metrics) {
		t.Errorf("%d tables for %d metrics", n, len(e.Metrics))
	}
}

func TestLabelsHaveATable(t *testing.T) {
	t.Parallel()
	e := scored(5, 0)
	if strings.Contains(page(t, e), "By label") {
		t.Error("a table of labels without any")
	}
	for i := range e.Cases {
		label := func(n int, v float64) report.LabelScores {
			return report.LabelScores{Label: n, Scores: report.Scores{Values: map[string]float64{"dice": v}}}
		}
		e.Cases[i].Labels = []report.LabelScores{label(2, 0.25), label(1, float64(i)/10)}
	}
	e.Cases[0].Labels[0].Name = "artery"
	s := page(t, e)
	if !regexp.MustCompile(`(?s)By label.*<th class="name">1</th><td data-value="">.*0\.200.*<th class="name">2 · artery</th>.*0\.250`).MatchString(s) {
		t.Error("the means of the labels are not there")
	}
}

// TestAnyNameIsText writes pages with random names: none adds a tag.
func TestAnyNameIsText(t *testing.T) {
	t.Parallel()
	with := func(t *rapid.T, name string) string {
		e := scored(4, 0)
		e.Name, e.Cases[2].Volume, e.Scoring.Unit = name, name, name
		var b bytes.Buffer
		if err := report.WriteHTML(&b, e); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>"'&=/\x60{}\x1b\x9b\x{202e}a-z -]{1,30}`)).Draw(t, "name")
		want, got := with(t, "x"), with(t, "x"+name)
		for _, c := range []string{"<", ">", `"`} {
			if strings.Count(got, c) != strings.Count(want, c) {
				t.Fatalf("the name %q adds a %s", name, c)
			}
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Fatalf("the name %q leaves a control character", name)
		}
	})
}
