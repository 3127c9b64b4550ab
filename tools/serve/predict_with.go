package serve

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/export"
	"github.com/minivess/minivess/engine/infer"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/workspace"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

// byRun predicts with a run's checkpoint, and returns the volumes of its
// dataset.
func (p *prediction) byRun(ws *workspace.Workspace, in PredictIn) ([]runs.VolumeRef, error) {
	picked, err := resolve.TrainedRun(ws, in.Run)
	if err != nil {
		return nil, err
	}
	r := picked.Run
	if r.State.Active() {
		return nil, tools.Errorf(tools.CodeConflict, "run %s is still %s", r.ID(), r.State).
			WithHint("predict with it when it has ended, or stop it with job_cancel")
	}
	if in.Normalise != "" {
		return nil, tools.Errorf(tools.CodeBadArguments, "how images are normalised is settled by run %s", r.ID()).
			WithHint("leave normalise out; it is for model files that do not say it")
	}
	c, ok := r.Checkpoints[export.RoleBest]
	if !ok {
		c, ok = r.Checkpoints[export.RoleLast]
	}
	path := filepath.Join(r.Dir, filepath.FromSlash(c.Path))
	if _, err := os.Stat(path); !ok || err != nil {
		return nil, tools.Errorf(tools.CodeConflict, "run %s has no checkpoint to predict with", r.ID()).
			WithHint("job_status says how it ended; job_resume may take it further")
	}
	if err := json.Unmarshal(r.Spec.Experiment, &p.network); err != nil {
		return nil, tools.Errorf(tools.CodeFailed, "run %s: its experiment cannot be read: %w", r.ID(), err)
	}
	if in.Window != nil {
		p.network.Infer.Window = *in.Window
	}
	p.spec.Predict.Run, p.spec.Predict.Checkpoint, p.spec.Model = r.ID(), path, r.Spec.Model
	p.spec.Sources = r.Spec.Sources
	p.label, p.why = picked.Label(), picked.Why
	p.notes = append(p.notes, fmt.Sprintf("%q is %s: %s", tools.Plain(in.Run), r.ID(), picked.Why))
	return r.Spec.Dataset.Volumes, nil
}

// byFile predicts with a model file. What it does not say of itself is as the
// caller says, or as experiments are by default.
func (p *prediction) byFile(in PredictIn) error {
	path, err := filepath.Abs(in.Run)
	if err != nil {
		return asError(err)
	}
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return tools.Errorf(tools.CodeNotFound, "there is no model file %q", path).WithHint("give its path from the working directory, or name a run")
	}
	p.network = config.Default()
	p.spec.Predict.Model, p.spec.Model = path, tools.Plain(filepath.Base(path))
	p.label, p.why = p.spec.Model, "it is a file"
	said := map[string]string{}
	if strings.EqualFold(filepath.Ext(path), runs.ModelONNX) {
		if said, err = p.declared(path); err != nil {
			return err
		}
	}
	switch {
	case in.Normalise != "":
		p.network.Normalise = in.Normalise
	case said["normalise"] != "":
		p.network.Normalise = said["normalise"]
	default:
		p.notes = append(p.notes, fmt.Sprintf("the file does not say how its images were normalised: %s is assumed", p.network.Normalise))
	}
	if in.Window != nil {
		p.network.Infer.Window = *in.Window
	}
	if p.network.Infer.Window == [3]int{} {
		p.notes = append(p.notes, fmt.Sprintf("the file does not say which window it takes: %s is assumed", tools.Extent(p.network.WindowSize())))
	}
	return nil
}

// declared takes from an ONNX file what it says of itself.
func (p *prediction) declared(path string) (map[string]string, error) {
	info, err := onnx.ReadInfo(path)
	if err != nil {
		return nil, asError(err)
	}
	input, output, err := ort.Ports(info)
	if err != nil {
		return nil, tools.AsError(asError(fmt.Errorf("%q: %w", path, err)))
	}
	said := info.Metadata
	if w, ok := sizes(said["window"]); ok {
		p.network.Infer.Window = w
	}
	if overlap, err := strconv.ParseFloat(said["overlap"], 64); err == nil && overlap >= 0 && overlap < 1 {
		p.network.Infer.Overlap = overlap
	}
	if mode := infer.Mode(said["window_weights"]); mode == infer.Gaussian || mode == infer.Constant {
		p.network.Infer.Mode = string(mode)
	}
	if input.Ranked {
		if c := input.Dims[1].Size; c > 1 {
			return nil, tools.Errorf(tools.CodeBadArguments, "%q takes images of %d channels; volumes have one", path, c)
		}
		if x, y, z := input.Dims[2].Size, input.Dims[3].Size, input.Dims[4].Size; x > 0 && y > 0 && z > 0 {
			p.network.Infer.Window = [3]int{x, y, z}
		}
		if input.Dims[0].Size > 0 {
			p.network.Infer.WindowBatch = input.Dims[0].Size
		}
	}
	if output.Ranked && output.Dims[1].Size > 0 {
		p.network.Model.OutChannels = output.Dims[1].Size
	}
	return said, nil
}

// sizes reads "64,64,32".
func sizes(text string) (out [3]int, ok bool) {
	words := strings.Split(text, ",")
	if len(words) != len(out) {
		return out, false
	}
	for i, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 {
			return [3]int{}, false
		}
		out[i] = n
	}
	return out, true
}
