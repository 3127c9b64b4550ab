package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSide is the longest side of a patch or a window, in voxels. What else a
// network asks of them, the model says.
const maxSide = 1024

// ValueError is a value that has the right type but cannot be used.
type ValueError struct {
	Key     string // dotted
	Value   any
	Message string
}

// Error says which key, which value, and what would do.
func (e *ValueError) Error() string {
	return fmt.Sprintf("%s is %v: %s", e.Key, e.Value, e.Message)
}

// Unwrap lets errors.Is find ErrInvalid.
func (e *ValueError) Unwrap() error { return ErrInvalid }

// Validate checks every range. The error joins one *ValueError for each value
// that cannot be used. Whether the dataset and the model exist is for their
// catalogues to say.
func (e Experiment) Validate() error {
	var c checker
	c.printable("name", e.Name)
	c.printable("dataset", e.Dataset)
	for _, k := range slices.Sorted(maps.Keys(e.Tags)) {
		c.printable("tags", k)
		c.printable("tags", e.Tags[k])
	}
	c.atLeast("fold", e.Fold, 0)
	c.oneOf("device", e.Device, "auto", "cpu", "cuda")
	c.between("threads", e.Threads, 0, 1024)
	c.oneOf("normalise", e.Normalise, "zscore", "percentile", "none")
	c.model(e.Model)
	c.printable("init.from", e.Init.From)
	c.patterns("init.ignore", e.Init.Ignore)
	c.train(e.Train)
	c.fraction("augment.flip", e.Augment.Flip)
	c.infer(e.Infer)
	return errors.Join(c.errs...)
}

type checker struct{ errs []error }

func (c *checker) fail(key string, value any, format string, args ...any) {
	c.errs = append(c.errs, &ValueError{Key: key, Value: value, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) model(m Model) {
	if strings.TrimSpace(m.Name) == "" {
		c.fail("model.name", `""`, "name a network, for example segresnet")
	}
	c.between("model.init_filters", m.InitFilters, 0, 512)
	c.between("model.in_channels", m.InChannels, 1, 64)
	c.between("model.out_channels", m.OutChannels, 2, 256)
	if !(m.Dropout >= 0 && m.Dropout < 1) {
		c.fail("model.dropout", m.Dropout, "must be at least 0 and below 1")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Extra)) {
		c.printable("model.options", name)
		if text, ok := m.Extra[name].(string); ok {
			c.printable("model.options", text)
		}
	}
}

// Losses lists the losses, the default first.
func Losses() []string {
	return []string{"dice_ce", "dice", "ce", "cldice", "dice_ce_cldice", "cbdice_cldice", "dice_ce_boundary"}
}

func (c *checker) train(t Train) {
	c.between("train.epochs", t.Epochs, 1, 1_000_000)
	c.between("train.max_steps", t.MaxSteps, 0, 1_000_000_000)
	c.between("train.patches_per_volume", t.PatchesPerVolume, 1, 10_000)
	c.between("train.batch_size", t.BatchSize, 1, 1024)
	if slices.Min(t.PatchSize[:]) < 1 || slices.Max(t.PatchSize[:]) > maxSide {
		c.fail("train.patch_size", size(t.PatchSize), "each side must be from 1 to %d", maxSide)
	}
	c.fraction("train.foreground_fraction", t.ForegroundFraction)
	c.oneOf("train.loss", t.Loss, Losses()...)
	c.oneOf("train.output_weights", t.OutputWeights, "nnunet", "exp", "same", "none")
	c.oneOf("train.optimizer", t.Optimizer, "adamw", "sgd")
	if !(t.LearningRate > 0 && t.LearningRate <= 1e6) {
		c.fail("train.learning_rate", t.LearningRate, "must be above 0 and at most 1000000")
	}
	if !(t.Momentum >= 0 && t.Momentum < 1) {
		c.fail("train.momentum", t.Momentum, "must be at least 0 and below 1")
	}
	if !(t.WeightDecay >= 0 && t.WeightDecay <= 1) {
		c.fail("train.weight_decay", t.WeightDecay, "must be from 0 to 1")
	}
	if !(t.GradientClip >= 0) || math.IsInf(t.GradientClip, 0) {
		c.fail("train.gradient_clip", t.GradientClip, "must be a finite number, 0 (unlimited) or more")
	}
	c.oneOf("train.schedule", t.Schedule, "cosine", "poly", "constant")
	c.atLeast("train.warmup_steps", t.WarmupSteps, 0)
	c.oneOf("train.precision", t.Precision, "float32", "bfloat16")
	c.atLeast("train.patience", t.Patience, 0)
	c.atLeast("train.validate_every", t.ValidateEvery, 0)
	c.atLeast("train.checkpoint_every", t.CheckpointEvery, 0)
	c.atLeast("train.cache_megabytes", t.CacheMegabytes, 0)
	c.patterns("train.freeze", t.Freeze)
	c.groups(t.Groups)
}

func (c *checker) groups(groups []Group) {
	for _, g := range groups {
		c.patterns("train.groups", []string{g.Pattern})
		if !(g.LearningRateScale > 0 && g.LearningRateScale <= 1e6) {
			c.fail("train.groups", g.LearningRateScale, "the scale of %q must be above 0 and at most 1000000; train.freeze keeps parameters as they are", g.Pattern)
		}
		if d := g.WeightDecay; d != nil && !(*d >= 0 && *d <= 1) {
			c.fail("train.groups", *d, "the weight decay of %q must be from 0 to 1", g.Pattern)
		}
	}
}

// patterns checks what is matched against names. Whether one matches anything
// is for whoever knows the names to say.
func (c *checker) patterns(key string, patterns []string) {
	for _, p := range patterns {
		c.printable(key, p)
		if _, err := path.Match(p, ""); err != nil || p == "" {
			c.fail(key, fmt.Sprintf("%q", p), "must be a name in which * stands for any characters, ? for one, [ab] for one of several")
		}
	}
}

func (c *checker) infer(i Infer) {
	if i.Window != [3]int{} && (slices.Min(i.Window[:]) < 1 || slices.Max(i.Window[:]) > maxSide) {
		c.fail("infer.window", size(i.Window), "each side must be from 1 to %d, or all 0 for the patch size", maxSide)
	}
	if !(i.Overlap >= 0 && i.Overlap < 1) {
		c.fail("infer.overlap", i.Overlap, "must be at least 0 and below 1")
	}
	c.oneOf("infer.mode", i.Mode, "gaussian", "constant")
	c.between("infer.window_batch", i.WindowBatch, 1, 1024)
}

// printable keeps terminal escapes out of what is shown later.
func (c *checker) printable(key, v string) {
	if !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
		c.fail(key, fmt.Sprintf("%q", v), "must be printable text")
	}
}

func (c *checker) atLeast(key string, v, low int) {
	if v < low {
		c.fail(key, v, "must be at least %d", low)
	}
}

func (c *checker) between(key string, v, low, high int) {
	if v < low || v > high {
		c.fail(key, v, "must be from %d to %d", low, high)
	}
}

func (c *checker) fraction(key string, v float64) {
	if !(v >= 0 && v <= 1) {
		c.fail(key, v, "must be from 0 to 1")
	}
}

func (c *checker) oneOf(key, v string, allowed ...string) {
	if slices.Contains(allowed, v) {
		return
	}
	message := "must be " + strings.Join(allowed[:len(allowed)-1], ", ")
	if len(allowed) > 1 {
		message += " or "
	}
	message += allowed[len(allowed)-1]
	if guess := nearest(v, allowed); len(guess) > 0 {
		message += "; did you mean " + guess[0] + "?"
	}
	c.fail(key, fmt.Sprintf("%q", v), "%s", message)
}

// size writes a patch or window as people do: 48x48x32.
func size(s [3]int) string { return fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]) }
