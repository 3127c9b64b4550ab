package projection

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/engine/runs"
)

// entry is what is remembered of one run folder between looks.
type entry struct {
	look    look
	settled bool   // its journal ends in a record that ends the run
	hash    string // of its row in the table runs
	base    bool   // its rows are in the snapshot
	held    bool   // its rows are in schema mem
	spec    *runs.Spec
	raw     []byte // memory, as it comes from a snapshot
	mem     *memory
}

// look is what can be seen of a run folder without reading a file.
type look struct {
	Job    string // tells this job.json from any other
	Events int64  // sizes
	Tags   int64
	Cancel bool
}

// memory is the part of an entry that is needed to read on.
type memory struct {
	Fold      runs.Fold           `json:"fold"`
	Series    map[string]int64    `json:"series"`              // last step of each "split/name"
	Summary   map[string]bool     `json:"summary,omitempty"`   // series that only the finished event has
	Cases     map[string]bool     `json:"cases,omitempty"`     // volumes seen, by "split/volume"
	Artifacts map[string]artifact `json:"artifacts,omitempty"` // by path
}

type artifact struct {
	Role   string `json:"role"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Step   *int64 `json:"step,omitempty"`
}

func lookAt(dir string) (look, error) {
	st, err := os.Stat(filepath.Join(dir, runs.SpecFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return look{}, err
	}
	l := look{Job: "none"}
	if err == nil {
		l.Job = fmt.Sprintf("%d-%d", st.ModTime().UnixNano(), st.Size())
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			l.Job += fmt.Sprintf("-%d", sys.Ino)
		}
	}
	if l.Events, err = sizeOf(filepath.Join(dir, runs.EventsFile)); err != nil {
		return l, err
	}
	if l.Tags, err = sizeOf(filepath.Join(dir, runs.TagsFile)); err != nil {
		return l, err
	}
	cancel, err := sizeOf(filepath.Join(dir, runs.CancelFile))
	l.Cancel = cancel > 0
	return l, err
}

func sizeOf(path string) (int64, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// recall makes sure that the entry's memory is in hand.
func (e *entry) recall() error {
	if e.mem != nil {
		return nil
	}
	m := &memory{Series: map[string]int64{}, Summary: map[string]bool{}, Cases: map[string]bool{}, Artifacts: map[string]artifact{}}
	if e.raw != nil {
		if err := json.Unmarshal(e.raw, m); err != nil {
			return err
		}
	}
	e.mem, e.raw = m, nil
	return nil
}

// metricRow is a row of metrics but for the two ids.
type metricRow struct {
	name, split string
	step        int64
	epoch       int
	value       float64
	time        time.Time
	void        bool // superseded by a later row of the same batch
}

// batch collects what one run's new events add.
type batch struct {
	mem     *memory
	metrics []metricRow
	cases   []caseRow
	// again is set when a step or volume was measured before: rows that are
	// there already, or earlier in this batch, must go.
	metricsAgain, casesAgain bool
}

// visit takes in one event.
func (b *batch) visit(rec journal.Record) error {
	switch rec.Kind {
	case runs.EventMetric:
		m, err := runs.DecodeMetric(rec.Data)
		if err != nil {
			return err
		}
		for name, v := range m.Values {
			b.metric(metricRow{name: name, split: m.Split, step: m.Step, epoch: m.Epoch, value: float64(v), time: rec.Time})
			delete(b.mem.Summary, m.Split+"/"+name)
		}
		return nil
	case runs.EventCase:
		var c runs.Case
		if err := rec.Decode(&c); err != nil {
			return err
		}
		b.volume(c)
		return nil
	case runs.EventCheckpoint:
		var c runs.Checkpoint
		if err := rec.Decode(&c); err != nil {
			return err
		}
		b.mem.Artifacts[c.Path] = artifact{Role: c.Role, SHA256: c.SHA256, Bytes: c.Bytes, Step: &c.Step}
		return nil
	case runs.EventArtifact:
		var a runs.Artifact
		if err := rec.Decode(&a); err != nil {
			return err
		}
		b.mem.Artifacts[a.Path] = artifact{Role: a.Role, SHA256: a.SHA256, Bytes: a.Bytes}
		return nil
	case runs.EventFinished:
		var f runs.Finished
		if err := rec.Decode(&f); err != nil {
			return err
		}
		b.summary(f, rec.Time)
		return nil
	default:
		return nil
	}
}

func (b *batch) metric(r metricRow) {
	key := r.split + "/" + r.name
	last, seen := b.mem.Series[key]
	if seen && r.step <= last {
		b.metricsAgain = true
	} else {
		b.mem.Series[key] = r.step
	}
	b.metrics = append(b.metrics, r)
}

// summary adds the numbers that a finished run quotes but never measured in a
// metric event.
func (b *batch) summary(f runs.Finished, at time.Time) {
	for key, v := range f.Summary {
		if _, measured := b.mem.Series[key]; measured && !b.mem.Summary[key] {
			continue
		}
		split, name, ok := strings.Cut(key, "/")
		if !ok {
			continue
		}
		b.mem.Summary[key] = true
		b.metric(metricRow{name: name, split: split, step: f.Step, epoch: f.Epoch, value: float64(v), time: at})
	}
}

// settle voids the rows that later rows of the batch supersede.
func (b *batch) settle() {
	if b.metricsAgain {
		type key struct {
			name, split string
			step        int64
		}
		at := map[key]int{}
		for i, r := range b.metrics {
			k := key{r.name, r.split, r.step}
			if old, ok := at[k]; ok {
				b.metrics[old].void = true
			}
			at[k] = i
		}
	}
	if b.casesAgain {
		at := map[[3]string]int{}
		for i, r := range b.cases {
			k := [3]string{r.volume, r.split, r.name}
			if old, ok := at[k]; ok {
				b.cases[old].void = true
			}
			at[k] = i
		}
	}
}
