package planner_test

import (
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/planner"
)

// TestFollowUps changes a plan in relation to what it was, after a complaint, or
// by a bare number.
func TestFollowUps(t *testing.T) {
	t.Parallel()
	offered := catalogue(t)
	m := planner.New(planner.WithCatalogue(offered), here())
	const first = "train a segresnet on toy for 20 epochs with lr 1e-3 and batch size 4"
	for said, want := range map[string]string{
		"double the learning rate":                  `"learning_rate":0.002`,
		"halve the learning rate":                   `"learning_rate":0.0005`,
		"ten times smaller learning rate please":    `"learning_rate":0.0001`,
		"reduce the lr by a factor of 10":           `"learning_rate":0.0001`,
		"twice as many epochs":                      `"epochs":40`,
		"half the epochs":                           `"epochs":10`,
		"and 10 more epochs":                        `"epochs":30`,
		"twice as long":                             `"epochs":40`,
		"that won't fit in memory. batch size 2":    `"batch_size":2`,
		"that runs out of memory, use batch size 2": `"batch_size":2`,
		"too short, 50 epochs":                      `"epochs":50`,
	} {
		got := describe(m.Plan(t.Context(), offered, first, said))
		if !strings.Contains(got, want) || strings.Count(got, "train_launch") != 1 {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
	if got := describe(m.Plan(t.Context(), offered, "train a segresnet on toy for 10 epochs", "no, 20")); !strings.Contains(got, `"epochs":20`) {
		t.Errorf("a bare number: %s", got)
	}
}

// TestStatistics writes other statistics than the mean, and counts other things
// than trainings.
func TestStatistics(t *testing.T) {
	t.Parallel()
	offered := catalogue(t)
	m := planner.New(planner.WithCatalogue(offered), here())
	for said, want := range map[string]string{
		"median dice of calm-heron-01bc on the test set":       "median(c.value)",
		"spread of dice for brisk-otter-7f3a":                  "stddev(c.value)",
		"variance of nsd per model":                            "variance(c.value)",
		"how many distinct seeds did we use on toy":            "count(distinct r.seed)",
		"how many different learning rates did we try on toy?": "count(distinct p.value)",
		"how many evaluations are there of brisk-otter-7f3a":   "runs.parent",
		"how many checkpoints does quiet-lynx-9d2e have":       "from artifacts a",
		"which runs used batch size 4?":                        "try_cast(p.value as double) = 4",
	} {
		if got := describe(m.Plan(t.Context(), offered, said)); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", said, got, want)
		}
	}
}

// TestNothingDeletedForATag: who wants a tag gone does not lose the run.
func TestNothingDeletedForATag(t *testing.T) {
	t.Parallel()
	offered := catalogue(t)
	m := planner.New(planner.WithCatalogue(offered), here())
	for _, said := range []string{"please remove the tag keep from brisk-otter-7f3a", "delete the label pilot of calm-heron-01bc", "remove tag x from quiet-lynx-9d2e"} {
		if got := m.Plan(t.Context(), offered, said); len(got.Steps) > 0 {
			t.Errorf("%q: %s", said, describe(got))
		}
	}
}
