package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/engine/metrics/folder"
	"github.com/minivess/minivess/engine/volume"
)

// folderScores is what --json prints of two folders.
type folderScores struct {
	Cases   []folder.Case `json:"cases"`
	Summary []folder.Line `json:"summary"`
	Failed  []failedPair  `json:"failed"`
	Missing []folder.Pair `json:"missing"` // predictions
	Extra   []string      `json:"extra"`   // predictions without a reference
}

type failedPair struct {
	folder.Pair
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// scoreFolders scores the pairs of two folders.
func (env *environment) scoreFolders(ctx context.Context, reference, prediction string, options folder.Options, o metricsOptions, outputs []output) error {
	pairing, err := folder.Match(reference, prediction)
	if err != nil {
		return err
	}
	if len(pairing.Missing)+len(pairing.Extra) > 0 {
		if !o.allowMissing {
			return unpaired(pairing)
		}
		env.tellUnpaired(pairing)
	}
	pairs := append(pairing.Pairs, pairing.Missing...)
	watch := newScoreProgress(env.Streams)
	out, err := folder.Run(ctx, pairs, options, watch.see)
	watch.finish()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted after %d of %s\n  nothing was written", len(out.Cases)+len(out.Failed), plural(len(pairs), "pair"))
	}
	if err != nil {
		return err
	}
	scores := folderScores{
		Cases: nonNil(out.Cases), Summary: nonNil(folder.Summarise(out.Cases)), Failed: []failedPair{},
		Missing: nonNil(pairing.Missing), Extra: nonNil(pairing.Extra),
	}
	for _, f := range out.Failed {
		c := complaintOf(o.explained(f.Err))
		scores.Failed = append(scores.Failed, failedPair{f.Pair, c.Message, c.Hint})
		env.tellFailure(f.Case, c)
	}
	if len(out.Cases) > 0 {
		if err := env.writeScores(ctx, outputs, out.Cases, scores); err != nil {
			return err
		}
	}
	if err := env.printFolder(scores, options, o); err != nil {
		return err
	}
	if len(out.Failed) > 0 {
		_, _ = fmt.Fprintf(env.Streams.Err, "%d of %s could not be scored; what is above is of the others\n", len(out.Failed), plural(len(pairs), "pair"))
		return &silentError{ExitFailed}
	}
	return nil
}

func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// unpaired is the error of files without a partner.
func unpaired(p folder.Pairing) error {
	var lines []string
	for _, m := range p.Missing {
		lines = append(lines, fmt.Sprintf("no prediction for %q", filepath.Base(m.Reference)))
	}
	for _, path := range p.Extra {
		lines = append(lines, fmt.Sprintf("no reference for %q", filepath.Base(path)))
	}
	const shown = 10
	if n := len(lines); n > shown {
		lines = append(lines[:shown], fmt.Sprintf("… and %d more", n-shown))
	}
	all := len(p.Pairs) + len(p.Missing) + len(p.Extra)
	return fmt.Errorf("%d of %s have no partner\n  %s\n  --allow-missing counts a missing prediction as an empty one, and leaves out predictions without a reference",
		len(p.Missing)+len(p.Extra), plural(all, "case"), strings.Join(lines, "\n  "))
}

// tellUnpaired says what --allow-missing lets pass.
func (env *environment) tellUnpaired(p folder.Pairing) {
	for _, m := range p.Missing {
		_, _ = fmt.Fprintf(env.Streams.Err, "%s: no prediction; an empty one is scored for it\n", printable(m.Case))
	}
	for _, path := range p.Extra {
		_, _ = fmt.Fprintf(env.Streams.Err, "%s: no reference; left out\n", printable(path))
	}
}

// tellFailure says why a pair was not scored, in lines that begin with its name.
func (env *environment) tellFailure(name string, c complaint) {
	_, _ = fmt.Fprintf(env.Streams.Err, "%s failed: %s\n", printable(name), printable(c.String()))
}

// scoreProgress tells how far a folder's scoring is: on a terminal in a line
// that changes in place, elsewhere in a line now and then.
type scoreProgress struct {
	streams     Streams
	begun, last time.Time
	open        bool
}

func newScoreProgress(s Streams) *scoreProgress {
	now := time.Now()
	return &scoreProgress{streams: s, begun: now, last: now}
}

func (p *scoreProgress) see(e folder.Progress) {
	const every = 10 * time.Second
	now := time.Now()
	if !p.streams.Terminal && now.Sub(p.last) < every && e.Done < e.Total {
		return
	}
	p.last = now
	took := now.Sub(p.begun).Seconds()
	text := fmt.Sprintf("scored %d of %s in %s", e.Done, plural(e.Total, "pair"), durationText(took))
	if e.Done < e.Total && e.Share > 0 {
		text += fmt.Sprintf(", about %s left", durationText(took*(1-e.Share)/e.Share))
	}
	if p.streams.Terminal {
		_, _ = fmt.Fprint(p.streams.Err, "\r\x1b[2K"+ansi.Truncate(text, p.streams.Width-1, "…"))
		p.open = true
		return
	}
	_, _ = fmt.Fprintln(p.streams.Err, text)
}

// finish puts the cursor on a line of its own.
func (p *scoreProgress) finish() {
	if p.open {
		_, _ = fmt.Fprintln(p.streams.Err)
	}
}

// caseName is a file's name as a case.
func caseName(path string) string {
	stem, _ := volume.Stem(path)
	return stem
}
