package estimate

import (
	"context"
	"fmt"
	"maps"
	"sort"
	"strings"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn/cost"
	"github.com/minivess/minivess/tools"
)

// Shortage is a training that wants more memory than there is, with what would
// fit.
type Shortage struct {
	Wanted, Room int64 // bytes
	Ways         []Way // at most three, those that change least first; none when nothing fits
}

// Way is a change of settings with which a training fits.
type Way struct {
	// Settings are configuration keys, dotted, with their new values.
	Settings    map[string]any
	MemoryBytes int64
}

// mostWays is how many ways out are worth reading.
const mostWays = 3

// Advise compares what a training wants with the room there is, in bytes. It
// returns nil when it fits, when the room is not known (0) or when the network's
// needs are not known before it runs.
func Advise(ctx context.Context, j Job, room int64) (*Shortage, error) {
	if room <= 0 || j.Experiment.Model.Name == config.TorchScript {
		return nil, nil //nolint:nilnil // no shortage is no error
	}
	wanted, err := j.bytes()
	if err != nil || wanted <= room {
		return nil, err
	}
	s := &Shortage{Wanted: wanted, Room: room}
	for _, try := range ways() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		way, err := try(j, room)
		if err != nil {
			return nil, err
		}
		if way != nil {
			s.Ways = append(s.Ways, *way)
		}
		if len(s.Ways) == mostWays {
			break
		}
	}
	return s, nil
}

// String says it in words: "it will want about 5.2 GB of memory and 3.1 GB are free; …".
func (s Shortage) String() string {
	text := fmt.Sprintf("it will want about %s of memory and %s are free", gigabytes(s.Wanted), gigabytes(s.Room))
	if len(s.Ways) == 0 {
		return text + "; no patch of this network fits: take fewer filters or another network"
	}
	var words []string
	for _, w := range s.Ways {
		words = append(words, fmt.Sprintf("%s (%s)", w, gigabytes(w.MemoryBytes)))
	}
	return text + "; this would fit: " + strings.Join(words, ", or ")
}

// String lists the settings as they are given on a command line.
func (w Way) String() string {
	var words []string
	for _, key := range []string{"train.gradient_checkpointing", "train.precision", "train.batch_size", "train.patch_size"} {
		value, ok := w.Settings[key]
		if !ok {
			continue
		}
		name := strings.TrimPrefix(key, "train.")
		if size, ok := value.([3]int); ok {
			value = tools.Extent(size)
		}
		words = append(words, fmt.Sprintf("%s=%v", name, value))
	}
	return strings.Join(words, " ")
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

// bytes is what the job's training takes.
func (j Job) bytes() (int64, error) {
	m, err := modelOf(j.Experiment)
	if err != nil {
		return 0, err
	}
	return m.trainingBytes(j), nil
}

// attempt changes a job so that it fits, or returns nil.
type attempt func(j Job, room int64) (*Way, error)

// ways are tried in order: first one setting at a time, then together.
func ways() []attempt {
	return []attempt{
		setting(recompute), setting(lower), smallerBatch(), smallerPatch(),
		setting(recompute, lower), smallerPatch(recompute), smallerPatch(recompute, lower, one),
	}
}

// change is one setting that takes less memory; ok is false when it is so
// already.
type change func(e *config.Experiment, settings map[string]any) (ok bool)

func recompute(e *config.Experiment, settings map[string]any) bool {
	ok := !e.Train.GradientCheckpointing
	e.Train.GradientCheckpointing, settings["train.gradient_checkpointing"] = true, true
	return ok
}

func lower(e *config.Experiment, settings map[string]any) bool {
	ok := e.Train.Precision != cost.BFloat16
	e.Train.Precision, settings["train.precision"] = cost.BFloat16, cost.BFloat16
	return ok
}

func one(e *config.Experiment, settings map[string]any) bool {
	ok := e.Train.BatchSize > 1
	e.Train.BatchSize, settings["train.batch_size"] = 1, 1
	return ok
}

// with applies changes to a copy of the job; ok is false when one of them
// changes nothing.
func (j Job) with(changes ...change) (changed Job, settings map[string]any, ok bool) {
	settings, ok = map[string]any{}, true
	for _, c := range changes {
		ok = c(&j.Experiment, settings) && ok
	}
	return j, settings, ok
}

// setting tries changes as they are.
func setting(changes ...change) attempt {
	return func(j Job, room int64) (*Way, error) {
		j, settings, ok := j.with(changes...)
		if !ok {
			return nil, nil //nolint:nilnil // no way is no error
		}
		need, err := j.bytes()
		if err != nil || need > room {
			return nil, err
		}
		return &Way{settings, need}, nil
	}
}

// smallerBatch tries batches down to 1, the largest that fits.
func smallerBatch() attempt {
	return func(j Job, room int64) (*Way, error) {
		e := j.Experiment
		return largest(e.Train.BatchSize-1, room, func(i int) (Job, map[string]any) {
			next := j
			next.Experiment.Train.BatchSize = e.Train.BatchSize - 1 - i
			return next, map[string]any{"train.batch_size": next.Experiment.Train.BatchSize}
		})
	}
}

// smallerPatch tries smaller patches, the largest that fits, after changes.
func smallerPatch(changes ...change) attempt {
	return func(j Job, room int64) (*Way, error) {
		j, settings, _ := j.with(changes...)
		net, err := models.New(j.Experiment.Model.Name, j.Experiment.Model.Options())
		if err != nil {
			return nil, err
		}
		sizes := smaller(j.Experiment.Train.PatchSize, net.Config().Divisor)
		return largest(len(sizes), room, func(i int) (Job, map[string]any) {
			next, all := j, map[string]any{"train.patch_size": sizes[i]}
			maps.Copy(all, settings)
			next.Experiment.Train.PatchSize = sizes[i]
			return next, all
		})
	}
}

// smaller lists patches that a network takes, each with its longest side one
// step shorter than the one before.
func smaller(patch, divisor [3]int) [][3]int {
	var all [][3]int
	for {
		axis, longest := 0, 0
		for i, n := range patch {
			if n > divisor[i] && n > longest {
				axis, longest = i, n
			}
		}
		if longest == 0 {
			return all
		}
		patch[axis] -= divisor[axis]
		all = append(all, patch)
	}
}

// largest finds the first of count jobs, which take ever less, that fits.
func largest(count int, room int64, job func(i int) (Job, map[string]any)) (*Way, error) {
	var failure error
	needs := make([]int64, max(0, count))
	at := sort.Search(len(needs), func(i int) bool {
		if failure != nil {
			return true
		}
		j, _ := job(i)
		needs[i], failure = j.bytes()
		return needs[i] <= room
	})
	if failure != nil || at == len(needs) {
		return nil, failure
	}
	_, settings := job(at)
	return &Way{settings, needs[at]}, nil
}
