package planner

import (
	"slices"
	"strings"
)

// onlyNamed keeps what deletes or ends something to the runs that the message
// names: once it names any, a plural without a limit of its own ("both runs",
// "all of these runs", "all the runs") refers to them and looks nothing up.
func (r *reader) onlyNamed(d *draft, items []item, picks []picked) []picked {
	if d.tool != "run_delete" && d.tool != "job_cancel" {
		return picks
	}
	named := r.namedRuns()
	if len(named) == 0 {
		return picks
	}
	here := slices.ContainsFunc(picks, func(p picked) bool { return slices.Contains(named, strings.ToLower(p.selector)) })
	wide := false
	kept := slices.DeleteFunc(slices.Clone(picks), func(p picked) bool {
		refers := p.lookup != nil && r.onlyRefers(items, p)
		if here && p.lookup == nil && p.val.from < len(items) && items[p.val.from].is(cRef) && !slices.Contains(named, strings.ToLower(p.selector)) {
			return true // "evaluate the latest, then delete both runs a and b"
		}
		wide = wide || refers
		return refers
	})
	if wide && len(kept) == 0 {
		for _, it := range r.open {
			if it.is(cRun) && slices.Contains(named, strings.ToLower(it.mention.text)) {
				kept = append(kept, picked{selector: it.mention.text, val: value{v: it.mention.text, rule: "the runs just named"}})
			}
		}
	}
	return kept
}

// namedRuns lists the runs that the message names by their ids.
func (r *reader) namedRuns() []string {
	var out []string
	for _, t := range tokenise(r.text) {
		w := strings.ToLower(t.word)
		known := slices.ContainsFunc(r.known.Runs, func(run string) bool { return strings.HasPrefix(strings.ToLower(run), w) })
		if t.kind == tWord && isRunID(w) && (known || len(r.known.Runs) == 0) {
			out = append(out, w)
		}
	}
	return out
}

// onlyRefers tells whether words for several runs say nothing that could find
// others than were named: no model, state, dataset, tag or number limits them,
// or they point ("these failed runs").
func (r *reader) onlyRefers(items []item, p picked) bool {
	if p.val.from >= len(items) || p.val.to > len(items) || p.val.from >= p.val.to {
		return true
	}
	start, end := byteRange(items, p.val.from, p.val.to)
	words := strings.Fields(strings.ToLower(r.slice(start, end)))
	if slices.ContainsFunc(words, func(w string) bool {
		return w == "these" || w == "those" || w == "both" || w == "them" || w == "such"
	}) {
		return true
	}
	others := slices.ContainsFunc(items[max(0, p.val.from-2):min(p.val.to+1, len(items))], func(it item) bool {
		return it.anyWord("other", "others", "remaining", "rest", "else", "everything")
	}) || slices.ContainsFunc(words, func(w string) bool { return w == "other" || w == "remaining" || w == "everything" })
	g := p.lookup
	return !others && g.model+g.dataset+g.state+g.tag+g.metric == "" && g.count == 0
}

// noSuchDelete answers the wish to delete what no tool deletes.
func (r *reader) noSuchDelete(d *draft, items []item, picks []picked) bool {
	if d.tool != "run_delete" {
		return false
	}
	if partsOnly(items) {
		r.note("I can delete whole runs only, with all that belongs to them.")
		return true
	}
	if at := slices.IndexFunc(items, func(it item) bool { return it.anyWord("tag", "label", "note", "alias") }); at > 0 && at <= 3 {
		r.note("I can delete whole runs only; a tag can be given another value.")
		return true
	}
	if len(picks) > 1 && slices.ContainsFunc(items, func(it item) bool { return it.anyWord("but", "except", "besides", "apart") }) {
		r.note("I cannot plan exceptions to what is deleted. Name the runs that shall go.")
		return true
	}
	if len(picks) > 0 {
		return false
	}
	_, named := first(items, cDataset)
	_, meant := first(items, cDataRef)
	if !named && !meant && !slices.ContainsFunc(items, func(it item) bool { return it.anyWord("dataset", "tag", "volume", "model", "file") }) {
		return false
	}
	r.note("I can delete runs only; no tool here deletes anything else.")
	return true
}

// partsOnly tells whether only a part of a run is to be deleted, rather than a
// run together with its parts: "remove brisk-otter with its checkpoints".
func partsOnly(items []item) bool {
	part := slices.IndexFunc(items, func(it item) bool { return it.anyWord("weight", "checkpoint") })
	run := slices.IndexFunc(items, func(it item) bool { return it.is(cRun) || it.is(cRef) && it.mention.text != "its" })
	if part < 0 || run < 0 || part < run {
		return part >= 0
	}
	if part+2 < len(items) && items[part+1].anyWord("and") && items[part+2].anyWord("all", "everything") || part+2 < len(items) && items[part+1].anyWord("and") && items[part+2].is(cRef) {
		return false
	}
	return !slices.ContainsFunc(items[run:part], func(it item) bool {
		return it.anyWord("with", "including", "incl", "and", "plus", "together", "&")
	})
}
