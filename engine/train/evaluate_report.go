package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/report"
	"github.com/minivess/minivess/engine/report/collect"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
)

// The roles of the files that show an evaluation to a person.
const (
	roleReport  = "report"
	rolePicture = "picture"
)

// illustrate writes the report, and the pictures of the worst volumes as files
// of their own. Scores are worth more than what shows them, so that what goes
// wrong here is a warning.
func (v *evaluation) illustrate(ctx context.Context) {
	worst := runs.DefaultWorst
	if v.request.Worst != nil {
		worst = *v.request.Worst
	}
	v.report.phase("report", 0, int64(min(worst, len(v.cases))))
	if err := v.writeReport(ctx, worst); err != nil && ctx.Err() == nil {
		v.report.warn("the report could not be written: %v", err)
	}
}

func (v *evaluation) writeReport(ctx context.Context, worst int) error {
	ws, err := workspace.OfRun(v.dir)
	if err != nil {
		return err
	}
	run, err := runs.Load(ws, v.spec.RunID)
	if err != nil {
		return err
	}
	e, err := collect.Evaluation(ctx, ws, run, collect.Options{
		Pictures: worst, Progress: func(done, _ int) { v.report.done(int64(done)) },
	})
	if err != nil {
		return err
	}
	e.Made, e.Version = v.begun, v.Version
	var page bytes.Buffer
	if err := report.WriteHTML(&page, e); err != nil {
		return err
	}
	if err := v.publish(runs.ReportFile, roleReport, page.Bytes()); err != nil {
		return err
	}
	return v.publishPictures(e)
}

// publishPictures writes each layer of each view of each pictured volume.
func (v *evaluation) publishPictures(e report.Evaluation) error {
	names := map[string]string{}
	for i, name := range fileNames(v.volumes) {
		names[v.volumes[i].ID] = name[:len(name)-len(".nii.gz")]
	}
	for _, c := range e.Cases {
		if c.Pictures == nil {
			continue
		}
		for i, view := range c.Pictures.Views {
			for _, layer := range view.Layers {
				file := fmt.Sprintf("%s_%d_%s_%s.png", names[c.Volume], i+1, view.Plane, layer.Kind)
				if err := v.publish(path.Join(runs.PicturesDir, file), rolePicture, layer.PNG); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// publish writes a file of the run folder and says so in the journal.
func (v *evaluation) publish(name, role string, content []byte) error {
	file := filepath.Join(v.dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o750), atomicfile.WriteBytes(file, 0o640, content)); err != nil {
		return err
	}
	a, err := v.artifact(name, role)
	if err != nil {
		return err
	}
	v.report.event(runs.EventArtifact, *a)
	return nil
}
