package planner

import "slices"

// variants makes a clause for each way in which a thing is to be done: "train
// unet on toy once with adamw and once with sgd" is two clauses.
func variants(cs []clause) []clause {
	var out []clause
	for _, c := range cs {
		if !c.plain() || c.mood == moodQuestion {
			out = append(out, c)
			continue
		}
		for n, toks := range variantsOf(c.toks) {
			v := c
			v.toks = toks
			v.variant = c.variant || n > 0
			out = append(out, v)
		}
	}
	return sharedTail(out)
}

// variantsOf cuts the words of a clause at "once … once …", each part with the
// words before the first.
func variantsOf(toks []token) [][]token {
	marks := []int(nil)
	for i := 0; i < len(toks); i++ {
		if n := variantMark(toks, i); n > 0 {
			marks = append(marks, i)
			i += n - 1
		}
	}
	if len(marks) < 2 {
		return [][]token{toks}
	}
	base := dropCount(dropTwice(toks[:marks[0]]))
	if rest := toks[marks[len(marks)-1]:]; len(rest) > 0 {
		if tail := bothTail(rest); tail > 0 {
			base = slices.Concat(base, rest[tail:])
			toks = toks[:len(toks)-len(rest)+tail]
		}
	}
	marks = append(marks, len(toks))
	var out [][]token
	for k := range marks[:len(marks)-1] {
		part := toks[marks[k]+variantMark(toks, marks[k]) : marks[k+1]]
		for n := len(part); n > 0 && (isJoint(part[n-1]) || part[n-1].word == "then" || part[n-1].word == "the"); n-- {
			part = part[:n-1]
		}
		out = append(out, slices.Concat(base, part))
	}
	return out
}

// variantMark is how many words say that one way follows: "once", "one time",
// "one run". It is 0 if none do.
func variantMark(toks []token, i int) int {
	next, after := at(toks, i+1), at(toks, i+2)
	with := next == "with" || next == "using" || next == "without" || next == "at" && after != "a"
	counted := slices.Contains([]string{"time", "run", "training"}, next) && isPreposition(after)
	switch at(toks, i) {
	case "once":
		if next != "more" && next != "again" && temporalLength(toks[i:]) == 0 {
			return 1
		}
	case "one", "1":
		switch {
		case counted:
			return 2
		case with:
			return 1
		}
	case "another", "second", "other":
		switch {
		case with:
			return 1
		case counted, next == "one" && (isPreposition(after) || after == "using"):
			return 2
		}
	}
	return 0
}

// waysFollow tells whether "one with …" at a joint is one of several ways that
// are listed, rather than the thing before once more: "two runs, one with …".
func waysFollow(before, toks []token) bool {
	for i := range before {
		if variantMark(before, i) > 0 {
			return true
		}
	}
	return toks[0].kind == tPunct && at(toks, 1) == "one"
}

// dropTwice takes off the end what only says that several ways follow: ",
// twice", "two runs,", "both".
func dropTwice(toks []token) []token {
	for n := len(toks); n > 0; n = len(toks) {
		t := toks[n-1]
		switch {
		case isJoint(t) || t.kind == tPunct || t.word == "twice" || t.word == "both" || t.word == "-":
			toks = toks[:n-1]
		case (t.word == "times" || t.word == "runs" || t.word == "trainings") && n > 1 && toks[n-2].kind == tNumber:
			toks = toks[:n-2]
		default:
			return toks
		}
	}
	return toks
}

// dropCount takes away how many ways there are, where the ways themselves
// follow: "two segresnets on toy, one with …".
func dropCount(toks []token) []token {
	for i := range toks {
		next := at(toks, i+1)
		if toks[i].kind == tNumber && toks[i].num > 1 && toks[i].num < 10 && i < 4 && (modelAliases()[next] != "" || modelAliases()[stem(next)] != "" || next == "trainings" || next == "runs" || next == "models") {
			return slices.Delete(slices.Clone(toks), i, i+1)
		}
	}
	return toks
}

// bothTail is where ", seed 3 in both" begins, or 0: what is said of all ways
// at the end.
func bothTail(toks []token) int {
	if len(toks) < 3 || !slices.ContainsFunc(toks[len(toks)-min(3, len(toks)):], func(t token) bool {
		return t.word == "both" || t.word == "each" || t.word == "all" || t.word == "either"
	}) {
		return 0
	}
	for i := len(toks) - 1; i > 0; i-- {
		if toks[i].kind == tPunct || toks[i].word == "and" {
			return i
		}
	}
	return 0
}

// sharedTail moves what is said of all ways from "and another with …, seed 3 in
// both" to the clause that this one repeats.
func sharedTail(cs []clause) []clause {
	for i := 1; i < len(cs); i++ {
		n := anotherWith(cs[i].toks)
		if n == 0 && !cs[i].repeats || !cs[i-1].plain() {
			continue
		}
		cs[i].repeats, cs[i].toks = true, cs[i].toks[n:]
		if at := bothTail(cs[i].toks); at > 0 {
			cs[i-1].toks = slices.Concat(cs[i-1].toks, cs[i].toks[at:])
			cs[i].toks = cs[i].toks[:at]
		}
	}
	return cs
}

// anotherWith is how many words of "and another with …", "and next to it one
// with …", "then once more on …" ask for the thing before once more, or 0.
func anotherWith(toks []token) int {
	n, also := 0, false
	for n < len(toks) && toks[n].word != "next" && (isJoint(toks[n]) || isFiller(toks[n].word) || toks[n].word == "the") {
		also = also || toks[n].word == "also" || toks[n].word == "again"
		n++
	}
	n += alongside(toks[n:])
	k := anew(toks[n:])
	if k == 0 && !also {
		return 0
	}
	for n += k; at(toks, n) == "," || at(toks, n) == "but"; {
		n++
	}
	switch at(toks, n) {
	case "with", "using", "on", "for", "at", "without":
		return n
	}
	return 0
}

// alongside is how many words of "next to it", "in parallel a" or "it" lead to
// "one" and "another".
func alongside(toks []token) int {
	n := 0
	switch at(toks, 0) {
	case "next", "beside", "besides", "parallel":
		for n < len(toks) && n < 5 && at(toks, n) != "one" && at(toks, n) != "another" {
			n++
		}
	case "a":
		return 1
	case "it", "that":
		if w := at(toks, 1); w == "one" || w == "another" {
			return 1
		}
	}
	return n
}

// anew is how many words say that the thing before is wanted once more:
// "another run", "one", "once more", "same again".
func anew(toks []token) int {
	next := at(toks, 1)
	switch at(toks, 0) {
	case "another", "second", "other":
		if slices.Contains([]string{"one", "run", "training", "time"}, next) {
			return 2
		}
		return 1
	case "one", "again":
		return 1
	case "once":
		if next == "more" || next == "again" {
			return 2
		}
	case "same":
		if next == "again" {
			return 2
		}
		return 1
	}
	return 0
}
