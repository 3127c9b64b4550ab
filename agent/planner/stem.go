package planner

import "strings"

// stem reduces an English word to the form that cues are written in: plurals,
// -ing, -ed and -es are cut where a known shape allows it. It is no general
// stemmer; the cue tables are written against it and its test.
func stem(w string) string {
	if s, ok := irregular(w); ok {
		return s
	}
	n := len(w)
	switch {
	case n > 5 && strings.HasSuffix(w, "ies"):
		return w[:n-3] + "y"
	case n > 5 && strings.HasSuffix(w, "sses"), n > 5 && strings.HasSuffix(w, "ches"), n > 5 && strings.HasSuffix(w, "shes"):
		return w[:n-2]
	case n > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:n-1]
	case n > 5 && strings.HasSuffix(w, "ing"):
		return undouble(w[:n-3])
	case n > 4 && strings.HasSuffix(w, "ed"):
		return undouble(w[:n-2])
	}
	return w
}

// undouble turns "stopp" into "stop" and restores an e that -ing or -ed ate.
func undouble(s string) string {
	n := len(s)
	if n > 3 && s[n-1] == s[n-2] && !strings.ContainsRune("lsz", rune(s[n-1])) {
		return s[:n-1]
	}
	if needsE(s) {
		return s + "e"
	}
	return s
}

// needsE lists the stems that end in a silent e among the words of the cues.
func needsE(s string) bool {
	if strings.HasPrefix(s, "normali") {
		return true
	}
	switch s {
	case "evaluat", "creat", "generat", "simulat", "calculat", "validat", "annotat", "terminat", "execut", "comput",
		"compar", "remov", "eras", "purg", "resum", "continu", "describ", "summaris", "summariz", "calibrat",
		"divid", "combin", "examin", "determin", "synthesis", "synthesiz", "delet", "releas", "promot", "serv",
		"schedul", "improv", "us", "scor", "prun", "paus", "finetun", "initialis", "initializ", "quantis", "quantiz", "freez", "produc", "analys",
		"replac", "writ", "overwrit", "sav", "stor", "judg", "ignor", "exclud", "mov", "measur", "merg",
		"prepar", "vot", "averag", "organis", "organiz", "diagnos", "expos", "analyz", "updat", "reduc", "requir":
		return true
	}
	return false
}

// irregular maps forms that the suffix rules get wrong.
func irregular(w string) (string, bool) {
	switch w {
	case "ran", "running", "runs":
		return "run", true
	case "did", "does", "doing", "done":
		return "do", true
	case "went", "going", "goes":
		return "go", true
	case "was", "were", "are", "is", "be", "been":
		return "is", true
	case "has", "had", "having":
		return "have", true
	case "took", "taken", "taking", "takes":
		return "take", true
	case "got", "getting", "gotten":
		return "get", true
	case "made", "making", "makes":
		return "make", true
	case "showing", "shown", "showed":
		return "show", true
	case "built":
		return "build", true
	case "queries":
		return "query", true
	case "series", "species", "this", "his", "cldice", "dice", "always", "loss", "across", "focus", "status", "less", "wilds":
		return w, true
	case "losses":
		return "loss", true
	case "analyses":
		return "analysis", true
	case "best", "worst", "red", "speed", "need", "feed", "seed", "embed", "exceed", "proceed", "bring", "during", "string", "thing", "anything", "everything", "nothing", "something", "morning":
		return w, true
	case "seeds":
		return "seed", true
	case "hyperparameters", "hyperparams":
		return "hyperparameter", true
	}
	return "", false
}

// misinflected recognises forms in -ing and -ed that miss a doubled letter.
func misinflected(w string) bool {
	base, ok := strings.CutSuffix(w, "ing")
	if !ok {
		base, ok = strings.CutSuffix(w, "ed")
	}
	n := len(base)
	if !ok || n < 3 || n > 4 {
		return false
	}
	vowel := func(b byte) bool { return strings.IndexByte("aeiou", b) >= 0 }
	return !vowel(base[n-1]) && strings.IndexByte("wxy", base[n-1]) < 0 && vowel(base[n-2]) && !vowel(base[n-3]) && (n == 3 || !vowel(base[0]))
}
