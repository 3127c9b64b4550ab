package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/volume"
)

// CodeVolumes is the code of an evaluation some of whose volumes could not be
// judged.
const CodeVolumes = "volumes_failed"

// outcome is what comes of one volume.
type outcome struct {
	scores     runs.Case
	prediction *runs.Artifact // nil when there is none to write down
	known      bool           // an earlier attempt has written it down
}

// scored saves a prediction and scores it, in a goroutine of its own.
func (v *evaluation) scored(ctx context.Context, p predicted, file string) (o outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			stack := make([]byte, 1<<16)
			v.Logger.ErrorContext(ctx, "panic", "volume", p.ref.ID, "value", fmt.Sprint(r), "stack", string(stack[:runtime.Stack(stack, false)]))
			err = panicked(r)
		}
		if err != nil && !v.lasting(ctx, err) {
			o, err = outcome{scores: v.judge.failed(p.ref, err)}, nil
		}
	}()
	pred, truth := inFileOrder(p.labels, p.shape), inFileOrder(p.truth, p.shape)
	o.prediction, err = v.save(ctx, file, &volume.Labels{
		Shape: p.shape, Spacing: p.header.Spacing(), Unit: p.header.Unit(), Affine: p.header.Affine(), Data: pred,
	})
	if err != nil {
		return o, err
	}
	o.scores, err = v.judge.score(ctx, p, truth, pred)
	return o, err
}

// lasting tells an error that the next volume would meet as well from one of a
// single volume.
func (v *evaluation) lasting(ctx context.Context, err error) bool {
	return ctx.Err() != nil || v.report.failure() != nil ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) || errors.Is(err, syscall.EROFS)
}

// record writes down what came of the next volume. The queue calls it for one
// at a time.
func (v *evaluation) record(o outcome) error {
	v.cases = append(v.cases, o.scores)
	if o.known {
		return nil
	}
	if o.prediction != nil {
		v.report.event(runs.EventArtifact, *o.prediction)
	}
	v.report.event(runs.EventCase, o.scores)
	v.report.count()
	v.report.tell()
	return v.report.failure()
}

// save writes a predicted label volume into the artifacts.
func (v *evaluation) save(ctx context.Context, name string, l *volume.Labels) (*runs.Artifact, error) {
	dir := filepath.Join(v.dir, runs.ArtifactsDir, predictionsDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("save the prediction: %w", err)
	}
	if err := volume.WriteLabels(ctx, filepath.Join(dir, name), l, volume.WriteOptions{}); err != nil {
		return nil, fmt.Errorf("save the prediction: %w", err)
	}
	return v.artifact(path.Join(runs.ArtifactsDir, predictionsDir, name), rolePrediction)
}

// artifact describes a file of the run folder.
func (v *evaluation) artifact(name, role string) (*runs.Artifact, error) {
	sum, size, err := runs.Digest(filepath.Join(v.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fmt.Errorf("save the %s: %w", role, err)
	}
	return &runs.Artifact{Path: name, Role: role, SHA256: sum, Bytes: size}, nil
}

// judged reads which volumes earlier attempts have judged, as far as their
// predictions are still what was written.
func (v *evaluation) judged() (map[string]runs.Case, error) {
	known, files := map[string]runs.Case{}, map[string]string{}
	for rec, err := range journal.Read(filepath.Join(v.dir, runs.EventsFile), 0) {
		if errors.Is(err, fs.ErrNotExist) {
			return known, nil
		}
		if err != nil {
			return nil, err
		}
		switch rec.Kind {
		case runs.EventArtifact:
			var a runs.Artifact
			if err := rec.Decode(&a); err != nil {
				return nil, err
			}
			files[a.Path] = a.SHA256
		case runs.EventCase:
			var c runs.Case
			if err := rec.Decode(&c); err != nil {
				return nil, err
			}
			known[c.Volume] = c
		}
	}
	for i, ref := range v.volumes {
		c, ok := known[ref.ID]
		if !ok {
			continue
		}
		file := path.Join(runs.ArtifactsDir, predictionsDir, v.files[i])
		sum, _, err := runs.Digest(filepath.Join(v.dir, filepath.FromSlash(file)))
		if err != nil || sum != files[file] || c.Failure != nil || c.Split != v.request.Split || len(c.Labels) == 0 {
			delete(known, ref.ID)
		}
	}
	return known, nil
}

// foresee lets the reporter estimate the time that is left by windows, of which
// volumes have unlike numbers.
func (v *evaluation) foresee() {
	var total int64
	for _, ref := range v.volumes {
		if _, done := v.known[ref.ID]; !done {
			total += v.windowsOf(ref.Shape)
		}
	}
	v.report.foresee(total)
}

func (v *evaluation) windowsOf(shape [3]int) int64 {
	for i, n := range shape {
		shape[i] = max(n, 1)
	}
	return int64(len(infer.Windows(shape, v.config.WindowSize(), v.config.Infer.Overlap)))
}

// pass counts a volume as predicted.
func (v *evaluation) pass(shape [3]int) {
	v.passed += v.windowsOf(shape)
	v.report.expect(v.passed)
}

// sumUp ends an evaluation all of whose volumes are judged.
func (v *evaluation) sumUp() error {
	split := v.request.Split
	values, summary := map[string]runs.Number{}, map[string]runs.Number{split + "/volumes": runs.Number(len(v.cases))}
	m := meansOf(v.cases)
	for name, mean := range m.values {
		summary[split+"/"+name] = mean
		values[name] = mean
	}
	for name, n := range m.left {
		summary[split+"/"+name+"_excluded"] = runs.Number(n)
	}
	v.report.event(runs.EventMetric, runs.Metric{Step: v.at.Step, Epoch: v.at.Epoch, Split: split, Values: values})
	v.report.tell()
	if err := v.report.failure(); err != nil {
		return err
	}
	_, err := v.Journal.Append(runs.EventFinished, runs.Finished{
		Step: v.at.Step, Epoch: v.at.Epoch, Seconds: time.Since(v.begun).Seconds(),
		Reason: fmt.Sprintf("all %d volumes judged", len(v.cases)), Summary: summary, Worst: worst(v.cases, v.judge.first),
	})
	return err
}

// worst is the volume with the worst value of a metric, the first of equal
// ones; nil when none has a value.
func worst(cases []runs.Case, metric string) *runs.Worst {
	var found *runs.Worst
	for _, c := range cases {
		v, ok := c.Values[metric]
		if ok && (found == nil || runs.Better(metric, found.Value, v)) {
			found = &runs.Worst{Volume: c.Volume, Metric: metric, Value: v}
		}
	}
	return found
}

// means are those over volumes, and how many volumes each leaves out.
type means struct {
	values map[string]runs.Number
	left   map[string]int
}

// meansOf averages over the volumes that have a value; several labels have
// means of their own too, as dice_2.
func meansOf(cases []runs.Case) means {
	sums, counts := map[string]float64{}, map[string]int{}
	m := means{map[string]runs.Number{}, map[string]int{}}
	add := func(suffix string, values map[string]runs.Number, excluded map[string]string) {
		for name, x := range values {
			if finite(float64(x)) {
				sums[name+suffix] += float64(x)
				counts[name+suffix]++
			}
		}
		for name := range excluded {
			m.left[name+suffix]++
		}
	}
	for _, c := range cases {
		add("", c.Values, c.Excluded)
		if len(c.Labels) > 1 {
			for _, l := range c.Labels {
				add("_"+strconv.Itoa(l.Label), l.Values, l.Excluded)
			}
		}
	}
	for name, n := range counts {
		m.values[name] = runs.Number(sums[name] / float64(n))
	}
	return m
}

// incomplete ends an evaluation that could not judge every volume. It gives no
// means: those of the other volumes would be of another split.
func (v *evaluation) incomplete(failed []runs.Case) error {
	const shown = 3
	var each []string
	for _, c := range failed[:min(shown, len(failed))] {
		each = append(each, fmt.Sprintf("%q: %s", c.Volume, c.Failure.Error))
	}
	if more := len(failed) - shown; more > 0 {
		each = append(each, fmt.Sprintf("and %d more", more))
	}
	hint := "mend what is wrong, then resume: only these volumes are judged again; the scores of the others are kept"
	if i := slices.IndexFunc(failed, func(c runs.Case) bool { return c.Failure.Hint != "" }); i >= 0 && failed[i].Failure.Code != CodeBadInput {
		hint = failed[i].Failure.Hint + "; then resume: only these volumes are judged again"
	}
	return fail(CodeVolumes, hint, fmt.Errorf("%d of %d volumes could not be judged: %s", len(failed), len(v.cases), strings.Join(each, "; ")))
}

// fileNames are those of the predictions. Volumes whose ids become the same name
// are told apart by a number.
func fileNames(volumes []runs.VolumeRef) []string {
	names, taken := make([]string, len(volumes)), map[string]bool{}
	for i, ref := range volumes {
		name := fileName(ref.ID)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", fileName(ref.ID), n)
		}
		taken[name] = true
		names[i] = name + ".nii.gz"
	}
	return names
}

// fileName makes a volume's id safe as a file name: what is not a letter, a
// digit, '.', '_' or '-' becomes '_', as does a leading dot.
func fileName(id string) string {
	s := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, id)
	if s == "" || s[0] == '.' {
		s = "_" + s
	}
	return s
}
