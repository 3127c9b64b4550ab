package planner

import (
	"fmt"
	"slices"
	"strings"
)

// hangsOn decides about a clause that depends on a condition. That a step
// before it succeeds is what steps wait for anyway; then the clause is planned,
// to be done after that step. Any other condition shows only later, and what
// destroys is never planned on one.
func (r *reader) hangsOn(c clause, said string) bool {
	only, given := c.only, r.given
	if len(only) == 0 {
		only = r.condition
	} else {
		given = r.span(only)
	}
	r.given, r.condition = "", nil
	destroys := slices.ContainsFunc(c.toks, func(t token) bool {
		return slices.Contains(destructive(), t.word) || slices.Contains(destructive(), t.stem)
	})
	if !destroys && len(r.last) > 0 && r.failsAloud() && meansSuccess(only) {
		for _, k := range r.last {
			r.after = append(r.after, r.out.Steps[k].ID)
		}
		r.note(fmt.Sprintf("I plan %q for when step %s has succeeded.", clean(said), strings.Join(r.after, " and step ")))
		return false
	}
	what := "the condition holds"
	if given != "" {
		what = fmt.Sprintf("%q holds", clean(given))
	}
	r.note(fmt.Sprintf("I leave out %q: whether %s shows only when the steps before are done. Ask me then.", clean(said), what))
	return true
}

// failsAloud tells whether the steps before fail where they go wrong, rather
// than report what they found.
func (r *reader) failsAloud() bool {
	return !slices.ContainsFunc(r.last, func(k int) bool {
		switch r.out.Steps[k].Tool {
		case "train_launch", "evaluate_run", "job_resume", "dataset_import", "dataset_create_synthetic", "dataset_split", "model_export", "predict_volume":
			return false
		}
		return true
	})
}

// meansSuccess tells whether a condition says no more than that what was asked
// for before worked.
func meansSuccess(toks []token) bool {
	success, negated := false, false
	for _, t := range toks {
		switch t.word {
		case "works", "worked", "work", "finishes", "finished", "finish", "succeeds", "succeeded", "succeed", "successful", "successfully", "completes", "completed", "complete", "done",
			"through", "passes", "passed", "fine", "ok", "okay", "well", "smoothly", "ready", "ends", "survives":
			success = true
		case "without", "no", "don't", "doesn't", "didn't", "not", "never":
			negated = true
		case "crash", "crashes", "crashing", "crashed", "error", "errors", "fail", "fails", "failing", "failed", "failure", "failures", "problem", "problems", "trouble", "break", "breaks", "die", "dies":
			if !negated {
				return false
			}
			success, negated = true, false
		case "it", "that", "this", "they", "all", "the", "a", "any", "both", "everything", "training", "trainings", "run", "runs", "job", "jobs", "import", "step", "evaluation", "export", "is", "are", "was", "were", "has", "have", "goes", "went", "go",
			"gets", "got", "does", "did", "and", "by", "itself", "out", "had", "been", "actually", "really", "then", ",":
		default:
			return false
		}
	}
	return success && !negated
}
