package evals

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// The elements of the JUnit format as Jenkins' schema has them.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string     `xml:"name,attr"`
		Class     string     `xml:"classname,attr"`
		Time      string     `xml:"time,attr"`
		Failure   *junitMiss `xml:"failure"`
		Error     *junitMiss `xml:"error"`
		SystemOut string     `xml:"system-out,omitempty"`
	}
	junitMiss struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a test suite a family, a test
// case a case; a case that could not be run is an error, one that missed a
// failure.
func (r Report) WriteJUnit(w io.Writer) error {
	out := junitSuites{Name: r.Suite, Time: seconds(r.Seconds)}
	names, _, _ := r.families()
	for _, f := range names {
		suite := junitSuite{Name: r.Suite + "." + f, Timestamp: r.Started.UTC().Format(time.RFC3339[:19])}
		var took float64
		for _, c := range r.Cases {
			if firstOf(c.Family, "other") == f {
				suite.add(r.Suite+"."+f, c)
				took += c.Seconds
			}
		}
		suite.Time = seconds(took)
		out.Tests, out.Failures, out.Errors = out.Tests+suite.Tests, out.Failures+suite.Failures, out.Errors+suite.Errors
		out.Suites = append(out.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return fmt.Errorf("encode JUnit report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// add puts a case into a suite.
func (s *junitSuite) add(class string, c CaseResult) {
	jc := junitCase{Name: c.ID, Class: class, Time: seconds(c.Seconds)}
	s.Tests++
	if len(c.Misses) > 0 {
		lines := make([]string, len(c.Misses))
		for i, m := range c.Misses {
			lines[i] = fmt.Sprintf("turn %d: %s: %s", m.Turn, m.Code, m.Detail)
		}
		miss := &junitMiss{Message: legal(c.Misses[0].Detail), Type: string(c.Misses[0].Code), Text: legal(strings.Join(lines, "\n"))}
		if c.Misses[0].Code == MissError {
			jc.Error, s.Errors = miss, s.Errors+1
		} else {
			jc.Failure, s.Failures = miss, s.Failures+1
		}
		for _, t := range c.Turns {
			jc.SystemOut += legal(listing(t.Steps)+"\n"+t.Reply) + "\n"
		}
	}
	s.Cases = append(s.Cases, jc)
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// legal drops the characters that XML 1.0 does not allow.
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < ' ', r == 0xfffe, r == 0xffff, r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}
