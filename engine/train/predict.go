package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/patches"
	"github.com/minivess/minivess/engine/volume"
)

// The roles of the files that a prediction writes.
const (
	rolePrediction  = "prediction"
	roleProbability = "probability"
)

// prediction labels images with one network.
type prediction struct {
	*job

	net       predictor
	classes   int
	config    config.Experiment
	normalise patches.Normalisation
	written   map[string]string // files of an earlier attempt and their SHA-256
	passed    int64             // windows of the images that are done
}

// predict labels every image of the specification. An attempt that was stopped
// is taken up at the first image that it did not finish.
func (j *job) predict(ctx context.Context) (err error) {
	p := &prediction{job: j}
	if p.written, err = written(j.dir); err != nil {
		return err
	}
	inputs := j.spec.Predict.Inputs
	if err := p.free(inputs); err != nil {
		return err
	}
	device, name, threads, err := prepare(j.experiment)
	if err != nil {
		return err
	}
	if err := j.started(name, threads); err != nil {
		return err
	}
	if err := p.open(device); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.net.Close()) }()
	if p.normalise, err = patches.ParseNormalisation(p.config.Normalise); err != nil {
		return fmt.Errorf("%w: normalise: %w", ErrBadSpec, err)
	}
	total, err := p.survey(inputs)
	if err != nil {
		return err
	}
	j.report.phase("predict", 0, total)
	for _, in := range inputs {
		if err := p.label(ctx, in); err != nil {
			return fmt.Errorf("volume %q: %w", in.ID, err)
		}
	}
	return p.finish(len(inputs))
}

func (p *prediction) finish(volumes int) error {
	p.report.tell()
	if err := p.report.failure(); err != nil {
		return err
	}
	_, err := p.Journal.Append(runs.EventFinished, runs.Finished{
		Step: p.step, Seconds: time.Since(p.begun).Seconds(), Reason: fmt.Sprintf("all %d volumes predicted", volumes),
		Summary: map[string]runs.Number{"predict/volumes": runs.Number(volumes)},
	})
	return err
}

// written lists the files that earlier attempts of the run say they wrote.
func written(dir string) (map[string]string, error) {
	files := map[string]string{}
	for rec, err := range journal.Read(filepath.Join(dir, runs.EventsFile), 0) {
		if errors.Is(err, fs.ErrNotExist) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		var a runs.Artifact
		if rec.Kind != runs.EventArtifact {
			continue
		}
		if err := rec.Decode(&a); err != nil {
			return nil, err
		}
		files[a.Path] = a.SHA256
	}
	return files, nil
}

// done tells whether an earlier attempt wrote all files of an image, and they
// are still what it wrote.
func (p *prediction) done(in runs.PredictInput) bool {
	for _, out := range in.Writes() {
		sum, ok := p.written[out]
		if now, _, err := runs.Digest(out); !ok || err != nil || now != sum {
			return false
		}
	}
	return true
}

// free refuses outputs that are there already, before anything is computed.
func (p *prediction) free(inputs []runs.PredictInput) error {
	for _, in := range inputs {
		if in.Overwrite || p.done(in) {
			continue
		}
		for _, out := range in.Writes() {
			if _, ours := p.written[out]; ours {
				continue
			}
			if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
				return fail(CodeBadInput, "remove the file, choose another output, or let it be overwritten", errors.Join(fmt.Errorf("output %q is there already", out), err))
			}
		}
	}
	return nil
}

// survey counts the windows of all images and refuses one that has changed.
func (p *prediction) survey(inputs []runs.PredictInput) (windows int64, err error) {
	for _, in := range inputs {
		if in.ImageSHA256 != "" {
			if err := unchanged("image", runs.FileRef{Path: in.Image, SHA256: in.ImageSHA256}); err != nil {
				return 0, err
			}
		}
		h, err := volume.ReadHeader(in.Image)
		if err != nil {
			return 0, fmt.Errorf("volume %q: %w", in.ID, err)
		}
		windows += p.windowsOf([3]int{int(h.Dim[1]), int(h.Dim[2]), int(h.Dim[3])})
	}
	return windows, nil
}

func (p *prediction) windowsOf(shape [3]int) int64 {
	for i, n := range shape {
		shape[i] = max(n, 1) // of an image with fewer axes
	}
	return int64(len(infer.Windows(shape, p.config.WindowSize(), p.config.Infer.Overlap)))
}

// label predicts one image and writes its files.
func (p *prediction) label(ctx context.Context, in runs.PredictInput) error {
	if err := p.report.failure(); err != nil {
		return err
	}
	c, header, err := patches.ReadImage(ctx, in.Image, p.normalise)
	if err != nil {
		return err
	}
	if p.done(in) {
		p.pass(c.Shape)
		return nil
	}
	o := windows(p.config, func(done, _ int) { p.report.done(p.passed + int64(done)) })
	var labels []uint8
	var foreground []float32
	if in.Probabilities == "" {
		labels, err = infer.Labels(ctx, c.Image, c.Shape, o, p.classes, predict(p.net, p.classes))
	} else {
		labels, foreground, err = infer.Probabilities(ctx, c.Image, c.Shape, o, p.classes, predict(p.net, p.classes))
	}
	if err != nil {
		return err
	}
	p.pass(c.Shape)
	if foreground != nil {
		v := &volume.Volume{Shape: c.Shape, Spacing: header.Spacing(), Unit: header.Unit(), Affine: header.Affine(), Data: make([]float32, len(foreground))}
		patches.FromC(v.Data, foreground, c.Shape)
		if err := p.wrote(in.Probabilities, roleProbability, volume.Write(ctx, in.Probabilities, v, volume.WriteOptions{})); err != nil {
			return err
		}
	}
	l := &volume.Labels{Shape: c.Shape, Spacing: header.Spacing(), Unit: header.Unit(), Affine: header.Affine(), Data: make([]uint8, len(labels))}
	patches.FromC(l.Data, labels, c.Shape)
	return p.wrote(in.Output, rolePrediction, volume.WriteLabels(ctx, in.Output, l, volume.WriteOptions{}))
}

func (p *prediction) pass(shape [3]int) {
	p.passed += p.windowsOf(shape)
	p.report.done(p.passed)
}

// wrote records a file that was just written.
func (p *prediction) wrote(path, role string, err error) error {
	if err != nil {
		return fmt.Errorf("save the %s: %w", role, err)
	}
	sum, size, err := runs.Digest(path)
	if err != nil {
		return fmt.Errorf("save the %s: %w", role, err)
	}
	p.report.event(runs.EventArtifact, runs.Artifact{Path: path, Role: role, SHA256: sum, Bytes: size})
	return nil
}
