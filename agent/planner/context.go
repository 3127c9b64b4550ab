package planner

import (
	"fmt"
	"slices"
)

// spoken keeps what a clause names when nothing was planned for it, so that the
// clause after it may speak of it: "quiet-lynx diverged, kill it", "the scans
// are in /mnt/new; add them as new".
func (r *reader) spoken(items []item) {
	r.open = slices.DeleteFunc(r.open, func(o item) bool {
		return !o.is(cPath) || slices.ContainsFunc(items, func(it item) bool { return it.is(cPath) })
	})
	for _, it := range items {
		switch {
		case it.is(cRef) || it.is(cDataRef):
		case it.mention != nil || it.is(cPath) || it.is(cVolume):
			it.used = false
			r.open = append(r.open, it)
		}
	}
	if i, ok := first(items, cDataset); ok {
		r.dataset = items[i].mention.text
	}
}

// with adds what the clause before named to the items of this one: in the place
// of a reference, or where nothing of its kind is named here. What deletes a
// run takes only what it refers to.
func (r *reader) with(items []item) []item {
	before := items
	many := class("") // what a plural has taken the first of: it means them all
	for _, o := range r.open {
		c := kin(classOf(o))
		if i := slices.IndexFunc(items, func(it item) bool { return refersTo(it, o) }); i >= 0 {
			ref := items[i]
			if ref.mention.plural {
				many = c
			}
			items = slices.Clone(items)
			items[i] = o
			items[i].start, items[i].end = ref.start, ref.end
			continue
		}
		if c != many && slices.ContainsFunc(before, func(it item) bool { return kin(classOf(it)) == c }) {
			continue
		}
		items = append(slices.Clip(items), o)
	}
	return items
}

// classOf is what an item is, said or recognised.
func classOf(it item) class {
	if it.mention != nil {
		return it.mention.class
	}
	return kindClass(it.tok.kind)
}

// refersTo tells whether a reference may mean what was named before.
func refersTo(it, named item) bool {
	if !it.is(cRef) {
		return false
	}
	return named.is(cRun) || named.is(cRuns) || named.is(cPath) || named.mention == nil && named.is(cVolume)
}

// continues tells whether a clause only adds to the step before: it asks for
// the same tool and names nothing that the tool would be about.
func (r *reader) continues(tool string, items []item) bool {
	if len(r.last) != 1 || r.out.Steps[r.last[0]].Tool != tool {
		return false
	}
	return !slices.ContainsFunc(items, func(it item) bool {
		if it.is(cRef) && len(r.group) == 1 && r.out.Steps[r.last[0]].Args["run"] == r.group[0] {
			return false
		}
		return it.is(cRun) || it.is(cRuns) || it.is(cRef) || it.is(cDataset) || it.is(cDataRef) || it.is(cModel) || it.is(cPath)
	})
}

// tagsLaunch tells whether "tag it pilot" gives tags to the training of the
// clause before, rather than asking for a step of its own.
func (r *reader) tagsLaunch(items []item) bool {
	if r.lastTool() != "train_launch" || hasNamedRun(items) {
		return false
	}
	v, ok := r.tagsSaid(items)
	if !ok {
		return false
	}
	tags, _ := v.v.([]any)
	for _, k := range r.last {
		s := &r.out.Steps[k]
		have, _ := s.Args["tags"].([]any)
		s.Args["tags"] = append(slices.Clone(have), tags...)
	}
	start, end := byteRange(items, v.from, v.to)
	r.out.Explanation.Reasons = append(r.out.Explanation.Reasons, Reason{
		Step: r.out.Steps[r.last[0]].ID, Tool: "train_launch", Argument: "tags", Value: clean(fmt.Sprint(tags...)),
		Words: clean(r.slice(start, end)), Rule: "tag", Start: start, End: end,
	})
	return true
}
