package runs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/minivess/minivess/engine/runs"
)

// sample is a workspace of six runs, newest first, as List gives them.
func sample() []runs.Run {
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	best := func(values map[string]runs.Number) map[string]runs.Best {
		m := map[string]runs.Best{}
		for k, v := range values {
			m[k] = runs.Best{Value: v}
		}
		return m
	}
	train := func(id, name, model string, created int, b map[string]runs.Best, tags map[string]string) runs.Run {
		return runs.Run{
			Spec: runs.Spec{RunID: id, Name: name, Kind: runs.KindTrain, Model: model, Created: at(created), Dataset: runs.DatasetRef{Name: "toy"}},
			Best: b, Tags: tags, State: runs.StateFinished,
		}
	}
	judge := func(id, about string, created int, summary map[string]runs.Number) runs.Run {
		return runs.Run{
			Spec:    runs.Spec{RunID: id, Kind: runs.KindEvaluate, Model: "segresnet", Created: at(created), Evaluate: &runs.EvaluateSpec{Run: about}},
			Summary: summary, State: runs.StateFinished,
		}
	}
	all := []runs.Run{
		train("brisk-otter-0001", "base", "segresnet", 1, best(map[string]runs.Number{"val/dice": 0.80, "val/hd95": 2}), map[string]string{"group": "a", "paper": ""}),
		train("brisk-panda-0002", "base", "segresnet", 2, best(map[string]runs.Number{"val/dice": 0.90, "val/hd95": 1}), map[string]string{"group": "b"}),
		train("calm-otter-0003", "swin one", "swinunetr", 3, best(map[string]runs.Number{"val/dice": 0.95}), map[string]string{"group": "a"}),
		judge("early-fox-0004", "brisk-panda-0002", 4, map[string]runs.Number{"test/dice": 0.70}),
		judge("early-owl-0005", "brisk-otter-0001", 5, map[string]runs.Number{"test/dice": 0.75}),
		train("fresh-newt-0006", "", "segresnet", 6, nil, nil),
	}
	runs.Sort(all)
	return all
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]struct{ id, why string }{
		"brisk-otter-0001":                   {"brisk-otter-0001", "its id"},
		"brisk-o":                            {"brisk-otter-0001", "starts with"},
		"calm":                               {"calm-otter-0003", "starts with"},
		" calm ":                             {"calm-otter-0003", "starts with"},
		"swin one":                           {"calm-otter-0003", `named "swin one"`},
		"latest":                             {"fresh-newt-0006", "the latest of 4 runs"},
		"latest:model=swinunetr":             {"calm-otter-0003", "the latest of 1 run,"},
		"latest:kind=evaluate":               {"early-owl-0005", "the latest of 2 runs"},
		"latest:name=base":                   {"brisk-panda-0002", "the latest of 2 runs"},
		"latest:model=segresnet,tag=group":   {"brisk-panda-0002", "latest"},
		"latest:tag=group=a,model=segresnet": {"brisk-otter-0001", "latest"},
		"best:dice":                          {"brisk-otter-0001", "highest test/dice, 0.75, of 2 runs (2 more without a value)"},
		"best:val/dice":                      {"calm-otter-0003", "highest val/dice, 0.95, of 3 runs"},
		"best:dice,model=swinunetr":          {"calm-otter-0003", "highest val/dice, 0.95, of 1 run"},
		"best:dice,model=segresnet":          {"brisk-otter-0001", "test/dice"},
		"best:val/dice,model=segresnet":      {"brisk-panda-0002", "0.9"},
		"best:hd95":                          {"brisk-panda-0002", "lowest val/hd95, 1, of 2 runs"},
		"early-fox-0004":                     {"early-fox-0004", "its id"},
	} {
		r, why, err := runs.Select(sample(), selector)
		if err != nil || r.ID() != want.id || !strings.Contains(why, want.why) {
			t.Errorf("%q: %s (%q), %v; want %s (%q)", selector, r.ID(), why, err, want.id, want.why)
		}
	}
}

func TestSelectErrors(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]struct {
		err        error
		candidates string
	}{
		"brisk":                        {runs.ErrAmbiguous, "brisk-panda-0002"},
		"base":                         {runs.ErrAmbiguous, "brisk-otter-0001"},
		"all:tag=group":                {runs.ErrAmbiguous, "calm-otter-0003"},
		"brisk-oter-0001":              {runs.ErrNoRun, "brisk-otter-0001"},
		"swin-one":                     {runs.ErrNoRun, "calm-otter-0003"},
		"latest:model=unet":            {runs.ErrNoRun, "fresh-newt-0006"},
		"best:cldice":                  {runs.ErrNoRun, "val/dice"},
		"best:":                        {runs.ErrBadSelector, "best:dice"},
		"":                             {runs.ErrBadSelector, "latest"},
		"latest:colour=red":            {runs.ErrBadSelector, "dataset"},
		"latest:model":                 {runs.ErrBadSelector, "key=value"},
		"../../etc":                    {runs.ErrNoRun, "brisk"},
		"\x1b[31mred":                  {runs.ErrNoRun, "brisk"},
		strings.Repeat("long", 10_000): {runs.ErrNoRun, "brisk"},
	} {
		_, _, err := runs.Select(sample(), selector)
		se, ok := errors.AsType[*runs.SelectError](err)
		if !ok || !errors.Is(err, want.err) || !strings.Contains(err.Error(), want.candidates) {
			t.Errorf("%.40q: %.300v; want %v with %q", selector, err, want.err, want.candidates)
		}
		if strings.ContainsRune(fmt.Sprint(err), 0x1b) {
			t.Errorf("%.40q: the message has an escape", selector)
		}
		if ok && errors.Is(err, runs.ErrAmbiguous) && len(se.Candidates) < 2 {
			t.Errorf("%.40q: candidates %q", selector, se.Candidates)
		}
	}
	if _, _, err := runs.Select(nil, "latest"); !errors.Is(err, runs.ErrNoRun) {
		t.Errorf("in an empty workspace: %v", err)
	}
}

func TestSelectMany(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		selectors []string
		want      []string
	}{
		{[]string{"all:tag=group"}, []string{"calm-otter-0003", "brisk-panda-0002", "brisk-otter-0001"}},
		{[]string{"all:tag=group=a"}, []string{"calm-otter-0003", "brisk-otter-0001"}},
		{[]string{"all"}, []string{"fresh-newt-0006", "calm-otter-0003", "brisk-panda-0002", "brisk-otter-0001"}},
		{[]string{"calm", "latest", "swin one"}, []string{"calm-otter-0003", "fresh-newt-0006"}},
		{[]string{"all:model=swinunetr", "best:dice"}, []string{"calm-otter-0003", "brisk-otter-0001"}},
		{[]string{"all:kind=evaluate"}, []string{"early-owl-0005", "early-fox-0004"}},
		{nil, nil},
	} {
		got, whys, err := runs.SelectMany(sample(), c.selectors...)
		if err != nil || len(whys) != len(c.selectors) {
			t.Fatalf("%q: %q, %v", c.selectors, whys, err)
		}
		var ids []string
		for _, r := range got {
			ids = append(ids, r.ID())
		}
		if diff := cmp.Diff(c.want, ids); diff != "" {
			t.Errorf("%q: %s", c.selectors, diff)
		}
	}
	for selector, want := range map[string]error{"all:tag=none": runs.ErrNoRun, "base": runs.ErrAmbiguous, "nope": runs.ErrNoRun} {
		if _, _, err := runs.SelectMany(sample(), "latest", selector); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", selector, err, want)
		}
	}
}

// A later evaluation replaces an earlier one of the same run.
func TestScoresTakeTheLatestEvaluation(t *testing.T) {
	t.Parallel()
	all := sample()
	again := all[1] // early-owl judges brisk-otter
	again.Spec.RunID, again.Spec.Created = "zen-emu-0007", again.Spec.Created.Add(time.Hour)
	again.Summary = map[string]runs.Number{"test/dice": 0.5}
	if got := runs.Scores(append(all, again))["brisk-otter-0001"]["test/dice"]; got != 0.5 {
		t.Errorf("%v; want 0.5", got)
	}
}
