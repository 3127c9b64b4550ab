package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/engine/nn/safetensors"
	"github.com/minivess/minivess/engine/runs"
)

const (
	roleLast = "last"
	roleBest = "best"
	// metadataKey is where a checkpoint's safetensors metadata keeps Metadata.
	metadataKey = "minivess"
	// optimiserPrefix begins the names of tensors that are not weights.
	optimiserPrefix = "optimizer."
)

// Metadata is what a checkpoint says beside its tensors: where it comes from
// and what is needed to use it or to train on.
type Metadata struct {
	Schema     int               `json:"schema"`
	Run        string            `json:"run"`
	Dataset    string            `json:"dataset"`
	Digest     string            `json:"dataset_digest"`
	Role       string            `json:"role"`
	Experiment config.Experiment `json:"experiment"`
	Position   Position          `json:"position"`
}

// Position is how far a training has come.
type Position struct {
	Step      int64 `json:"step"`
	Epoch     int   `json:"epoch"`
	Optimiser int64 `json:"optimizer_step"` // updates that the moments have seen
	// Validated is the last step whose validation is done.
	Validated int64       `json:"validated_step"`
	BestStep  int64       `json:"best_step"` // 0 when there is none
	Best      runs.Number `json:"best"`
	SinceBest int         `json:"validations_since_best"`
	Metric    string      `json:"best_metric,omitempty"`
}

// writer puts tensors and metadata into a file, whole or not at all.
type writer func(path string, s *nn.State, metadata map[string]string) error

// saver writes checkpoints: best with the model's own writer, so that others
// can load it, and last, which also holds the optimiser, with write.
type saver struct {
	dir   string
	write writer
	best  writer
}

func newSaver(dir string) *saver {
	return &saver{dir: filepath.Join(dir, runs.CheckpointsDir), write: safetensors.Write}
}

func (s *saver) path(role string) string { return filepath.Join(s.dir, role+".safetensors") }

// save replaces a checkpoint, whole or not at all, and then the readable copy
// of its metadata beside it.
func (s *saver) save(state *nn.State, m Metadata) (runs.Checkpoint, error) {
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return runs.Checkpoint{}, fmt.Errorf("checkpoint %s: %w", m.Role, err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return runs.Checkpoint{}, fmt.Errorf("checkpoint %s: %w", m.Role, err)
	}
	path, write := s.path(m.Role), s.write
	if m.Role == roleBest {
		write = s.best
	}
	if err := write(path, state, map[string]string{metadataKey: string(b), "format": "pt"}); err != nil {
		return runs.Checkpoint{}, fmt.Errorf("checkpoint %s of step %d: %w", m.Role, m.Position.Step, err)
	}
	sum, size, err := runs.Digest(path)
	if err != nil {
		return runs.Checkpoint{}, err
	}
	pretty, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return runs.Checkpoint{}, err
	}
	if err := atomicfile.WriteBytes(filepath.Join(s.dir, m.Role+".json"), 0o640, append(pretty, '\n')); err != nil {
		return runs.Checkpoint{}, err
	}
	p := m.Position
	c := runs.Checkpoint{
		Path: filepath.ToSlash(filepath.Join(runs.CheckpointsDir, filepath.Base(path))), Role: m.Role,
		Step: p.Step, Epoch: p.Epoch, SHA256: sum, Bytes: size,
	}
	if p.Metric != "" && m.Role == roleBest {
		c.Metric, c.Value = p.Metric, p.Best
	}
	return c, nil
}

// stored is a checkpoint as it was read.
type stored struct {
	meta      Metadata
	weights   *nn.State
	optimiser *nn.State
}

// load reads the checkpoint to go on from: last, or best where last was
// removed, or nil when there is none.
func (s *saver) load() (*stored, error) {
	for _, role := range []string{roleLast, roleBest} {
		c, err := readCheckpoint(s.path(role))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			hint := "launch the run anew"
			if _, berr := readCheckpoint(s.path(roleBest)); role == roleLast && berr == nil {
				hint = fmt.Sprintf("remove %s, then resume: the run goes on from the best checkpoint, with a fresh optimiser", s.path(role))
			}
			return nil, fail(CodeCheckpoint, hint, err)
		}
		return c, nil
	}
	return nil, nil //nolint:nilnil // no checkpoint is no error
}

// readCheckpoint reads a checkpoint that this package wrote. The error names
// the file.
func readCheckpoint(path string) (*stored, error) {
	state, metadata, err := safetensors.Read(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %q: %w", path, err)
	}
	c := &stored{weights: &nn.State{}, optimiser: &nn.State{}}
	text, ok := metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("checkpoint %q: %w: it was not written by minivess", path, safetensors.ErrFormat)
	}
	if err := json.Unmarshal([]byte(text), &c.meta); err != nil {
		return nil, fmt.Errorf("checkpoint %q: %w: metadata: %w", path, safetensors.ErrFormat, err)
	}
	for t := range state.All() {
		to := c.weights
		if strings.HasPrefix(t.Name, optimiserPrefix) {
			to = c.optimiser
		}
		if err := to.Add(t); err != nil {
			return nil, fmt.Errorf("checkpoint %q: %w: %w", path, safetensors.ErrFormat, err)
		}
	}
	return c, nil
}
