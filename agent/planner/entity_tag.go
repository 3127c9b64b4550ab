package planner

// findTagged reads "tagged baseline", "with tag baseline", "with the tag x=y".
func findTagged(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	n := tagLead(toks, i)
	if n == 0 || i+n >= len(toks) {
		return nil, 0
	}
	if t := toks[i+n]; t.kind == tAssign {
		return &mention{class: cTag, text: t.word + "=" + t.text, rule: "tag"}, n + 1
	}
	name := anyNameAt(toks, i+n)
	if name == "" {
		return nil, 0
	}
	return &mention{class: cTag, text: name, rule: "tag"}, n + 1
}

// tagLead is how many words at toks[i] say that a tag follows, or 0.
func tagLead(toks []token, i int) int {
	next := at(toks, i+1)
	switch at(toks, i) {
	case "tagged", "labelled", "labeled":
		if at(toks, i) != "tagged" && i+1 < len(toks) && toks[i+1].kind == tNumber {
			return 0 // "voxels labelled 2"
		}
		if next == "as" || next == "with" {
			return 2
		}
		return 1
	case "tag":
		ends := i+2 >= len(toks) || isJoint(toks[i+2]) || toks[i+2].kind == tPunct
		if i > 0 && isJoint(toks[i-1]) && !isRefWord(next) && !isRunID(next) && ends {
			return 1
		}
	case "with", "have", "has", "had", "carry", "carries", "carrying", "bear", "got", "having", "without", "under":
		return tagNoun(toks, i+1)
	case "tags":
		return afterTags(toks, i)
	case "and", ",":
		if listsTags(toks, i) {
			return 1
		}
	}
	return 0
}

// tagNoun is how many words the lead takes when "the tag" or "tags" stands at
// toks[i], after "with" and the like, or 0.
func tagNoun(toks []token, i int) int {
	n := 2
	if w := at(toks, i); w == "the" || w == "a" {
		i, n = i+1, 3
	}
	if w := at(toks, i); w == "tag" || w == "tags" {
		return n
	}
	return 0
}

// afterTags is how many words the lead "tags" at toks[i] takes, or 0.
func afterTags(toks []token, i int) int {
	next := at(toks, i+1)
	if next == ":" || next == "," || next == "=" {
		return 2
	}
	if i > 0 && (isJoint(toks[i-1]) || toks[i-1].kind == tPunct) && !isRefWord(next) {
		return 1
	}
	return 0
}

// listsTags tells whether the joint at toks[i] continues a list of tags: "with
// the tags pilot, night and final".
func listsTags(toks []token, i int) bool {
	if i+1 >= len(toks) || toks[i+1].kind != tWord && toks[i+1].kind != tQuoted || i+2 < len(toks) && !isJoint(toks[i+2]) && toks[i+2].kind != tPunct {
		return false
	}
	for j := i - 1; j > 0 && j >= i-9; j-- {
		switch {
		case at(toks, j) == "tags":
			return true
		case !isJoint(toks[j]) && !isJoint(toks[j-1]) && at(toks, j-1) != "tags":
			return false
		}
	}
	return false
}
