package export

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/models/adapter"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/onnx"
	"github.com/minivess/minivess/engine/runs"
)

// The roles of a run's checkpoints.
const (
	RoleBest = "best"
	RoleLast = "last"
)

// optimiserTensors is the pattern of the tensors that a last checkpoint keeps
// beside its weights, to train on from.
const optimiserTensors = "optimizer.*"

// Source is a run's checkpoint with what is needed to make its network.
type Source struct {
	Run        runs.Run
	Experiment config.Experiment
	Checkpoint runs.Checkpoint
	Path       string // of the checkpoint
	Adapter    models.Adapter
}

// Open finds what of a run is exported: its best checkpoint, or its last where
// there is no better, or the one of the role given. No weights are read yet.
// The error wraps ErrSource when the run has none, or a network that is no
// description but a file.
func Open(r runs.Run, role string) (*Source, error) {
	s := &Source{Run: r}
	if r.Spec.Kind != runs.KindTrain {
		return nil, fmt.Errorf("%w: run %s trains nothing", ErrSource, r.ID())
	}
	if err := json.Unmarshal(r.Spec.Experiment, &s.Experiment); err != nil {
		return nil, fmt.Errorf("%w: run %s: its experiment cannot be read: %w", ErrSource, r.ID(), err)
	}
	roles := []string{RoleBest, RoleLast}
	if role != "" {
		roles = []string{role}
	}
	for _, role := range roles {
		if c, ok := r.Checkpoints[role]; ok {
			s.Checkpoint = c
			break
		}
	}
	if s.Checkpoint.Path == "" {
		return nil, fmt.Errorf("%w: run %s has no %s checkpoint", ErrSource, r.ID(), strings.Join(roles, " or "))
	}
	s.Path = filepath.Join(r.Dir, filepath.FromSlash(s.Checkpoint.Path))
	if _, err := os.Stat(s.Path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: the %s checkpoint of run %s is gone: %w", ErrSource, s.Checkpoint.Role, r.ID(), err)
		}
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	m := s.Experiment.Model
	if m.Name == config.TorchScript {
		return nil, fmt.Errorf("%w: run %s trains a TorchScript file, which has no description to write down; use the file itself", ErrSource, r.ID())
	}
	var err error
	if s.Adapter, err = models.New(m.Name, m.Options()); err != nil {
		return nil, fmt.Errorf("%w: run %s: %w", ErrSource, r.ID(), err)
	}
	return s, nil
}

// load reads the weights, which must be sound and exactly the network's.
func (s *Source) load() (*nn.State, error) {
	w, _, err := adapter.Load(s.Path, s.Adapter.Config(), s.Adapter.TrainableParameters(),
		adapter.LoadOptions{Strict: true, Ignore: []string{optimiserTensors}})
	return w, err
}

// metadata is what a file says of where it comes from, and of what a prediction
// needs to know. Everything is text.
func (s *Source) metadata(sha256 string) map[string]string {
	e, c, p := s.Experiment, s.Checkpoint, s.Run.Spec.Dataset
	m := map[string]string{
		"run":               s.Run.ID(),
		"run_name":          s.Run.Spec.Name,
		"checkpoint":        c.Role,
		"checkpoint_sha256": sha256,
		"step":              strconv.FormatInt(c.Step, 10),
		"dataset":           p.Name,
		"dataset_digest":    p.Digest,
		"normalise":         e.Normalise,
		"patch":             join(e.Train.PatchSize[:]),
		"window":            join(window(e)),
		"overlap":           strconv.FormatFloat(e.Infer.Overlap, 'g', -1, 64),
		"window_weights":    e.Infer.Mode,
		"classes":           strconv.Itoa(s.Adapter.Config().OutChannels),
	}
	d := s.Adapter.Config().Divisor
	m[onnx.MetaDivisor] = join(d[:])
	if spacing, unit, ok := usualSpacing(p.Volumes); ok {
		m["spacing"], m["spacing_unit"] = join(spacing[:]), unit
	}
	maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
	return m
}

func window(e config.Experiment) []int {
	w := e.WindowSize()
	return w[:]
}

// usualSpacing is the median voxel spacing of the training volumes, axis by
// axis.
func usualSpacing(volumes []runs.VolumeRef) (spacing [3]float64, unit string, ok bool) {
	var axes [3][]float64
	for _, v := range volumes {
		if v.Split == "train" {
			unit, ok = v.Unit, true
			for i, d := range v.Spacing {
				axes[i] = append(axes[i], d)
			}
		}
	}
	for i, all := range axes {
		if ok {
			slices.Sort(all)
			spacing[i] = all[len(all)/2]
		}
	}
	return spacing, unit, ok
}

func join[T cmp.Ordered](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}
