package report

import "github.com/minivess/minivess/engine/plaintext"

// longest is how many characters of a text from data are shown.
const longest = 400

// clean makes text from data fit to show: without control characters, and of
// bearable length.
func clean(s string) string {
	s = plaintext.Line(s)
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}

// cleaned is a copy of an evaluation whose texts are fit to show. The names of
// metrics stay keys of the scores.
func (e Evaluation) cleaned() Evaluation {
	for _, s := range []*string{
		&e.Run, &e.Name, &e.Job, &e.Model, &e.Dataset, &e.DatasetDigest, &e.Split, &e.Checkpoint, &e.CheckpointDigest, &e.Version,
		&e.Scoring.Definition, &e.Scoring.Empty, &e.Scoring.Unit,
	} {
		*s = clean(*s)
	}
	e.Notes, e.Metrics = cleanAll(e.Notes), cleanAll(columns(e.Metrics, e.Cases))
	cases := make([]Case, len(e.Cases))
	for i, c := range e.Cases {
		c.Volume, c.Failure, c.Scores = clean(c.Volume), clean(c.Failure), c.cleaned()
		labels := make([]LabelScores, len(c.Labels))
		for j, l := range c.Labels {
			labels[j] = LabelScores{Label: l.Label, Name: clean(l.Name), Scores: l.cleaned()}
		}
		c.Labels = labels
		cases[i] = c
	}
	e.Cases = cases
	return e
}

func (s Scores) cleaned() Scores {
	values := make(map[string]float64, len(s.Values))
	for k, v := range s.Values {
		values[clean(k)] = v
	}
	return Scores{values, cleanMap(s.Excluded), cleanMap(s.ByPolicy)}
}

func cleanMap(in map[string]string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[clean(k)] = clean(v)
	}
	return out
}

func cleanAll(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = clean(s)
	}
	return out
}
