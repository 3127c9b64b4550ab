package planner

import "slices"

// regroups tells whether a follow-up ends with other groups or another statistic
// than the question before had: "and per dataset?", "and the median?".
func regroups(items []item) bool {
	n := len(items)
	for n > 0 && items[n-1].tok.kind == tPunct {
		n--
	}
	if n == 0 || items[n-1].mention != nil {
		return false
	}
	if n > 1 && groupWord(items[n-2]) && groupColumn(items[n-1]) != "" {
		return true
	}
	return n < 4 && statOf(items[n-1]) != ""
}

// groupWord lists the words before what an answer is grouped by.
func groupWord(it item) bool { return it.anyWord("per", "by", "each", "every") }

// regroup puts the groups or the statistic that end at added[k] into a question.
func regroup(out, added []item, k int) []item {
	it := added[k]
	if k > 0 && groupWord(added[k-1]) {
		for i := 1; i < len(out); i++ {
			if groupWord(out[i-1]) && groupColumn(out[i]) != "" {
				out[i] = it
				return out
			}
		}
		return append(out, added[k-1], it)
	}
	if i := slices.IndexFunc(out, func(o item) bool { return o.mention == nil && statOf(o) != "" }); i >= 0 {
		out[i] = it
		return out
	}
	return append(out, it)
}
