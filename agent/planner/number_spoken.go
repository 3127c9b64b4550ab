package planner

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// joinSpoken merges numbers that are spelt out: "zero point zero three", "one e
// minus four", "ten to the minus three", "5 x 10 to the -4".
func joinSpoken(toks []token) []token {
	if !slices.ContainsFunc(toks, spellsOut) {
		return toks
	}
	out := toks[:0:0]
	for i := 0; i < len(toks); {
		v, n, ok := spokenNumber(toks[i:], at(toks, i-1))
		if !ok {
			out = append(out, toks[i])
			i++
			continue
		}
		t := numberToken(v, toks[i].start, toks[i+n-1].end)
		t.text = plainNumber(v)
		t.word = t.text
		out = append(out, t)
		i += n
	}
	return out
}

// spellsOut tells whether a word may be a part of a number that is spelt out.
func spellsOut(t token) bool {
	switch t.word {
	case "point", "dot", "e", "minus", "power":
		return true
	}
	return isExponent(t.word) || halfExponent(t.word)
}

// spokenNumber reads a number that is spelt out at the start of toks, and how
// many tokens it takes.
func spokenNumber(toks []token, before string) (v float64, n int, ok bool) {
	if halfExponent(toks[0].word) {
		v, err := strconv.ParseFloat(strings.TrimSuffix(toks[0].word, "e"), 64)
		e, used := powerAt(toks, 1, false)
		return rounded(v * math.Pow(10, e)), used, err == nil && used > 0
	}
	v, n, ok = mantissa(toks, before)
	if n == 0 {
		return 0, 0, false
	}
	e, used := exponentAt(toks[n:], v == 10)
	switch {
	case used == 0:
		return v, n, ok
	case toks[n].word == "to":
		return rounded(math.Pow(10, e)), n + used, true
	}
	return rounded(v * math.Pow(10, e)), n + used, true
}

// mantissa reads what stands before the exponent. It is ok if it is a number
// that is spelt out by itself; n is 0 if no number stands here at all.
func mantissa(toks []token, before string) (v float64, n int, ok bool) {
	t := toks[0]
	whole := "0"
	switch {
	case t.kind == tNumber && t.num == math.Trunc(t.num) && t.num >= 0 && t.num < 1000 && !strings.HasSuffix(t.text, "%"):
		v, n, whole = t.num, 1, strconv.Itoa(int(t.num))
	case t.kind == tNumber:
		return t.num, 1, false
	case t.word != "point" || before == "starting" || before == "data" || isDeterminer(before):
		return 0, 0, false
	}
	if n >= len(toks) || toks[n].word != "point" && toks[n].word != "dot" {
		return v, n, false
	}
	digits, used := spokenDigits(toks[n+1:])
	if used == 0 {
		return v, n, false
	}
	v, err := strconv.ParseFloat(whole+"."+digits, 64)
	return v, n + 1 + used, err == nil
}

// spokenDigits reads the digits after the point: "zero zero three", "25".
func spokenDigits(toks []token) (digits string, n int) {
	for n < len(toks) && len(digits) < maxNumber/2 {
		t := toks[n]
		switch {
		case t.word == "oh" || t.word == "o" || t.word == "nought":
			digits += "0"
		case t.kind == tNumber && strings.Trim(t.text, "0123456789") == "" && (digits == "" || len(t.text) == 1):
			return digits + t.text, n + 1
		case t.kind == tNumber && isLetters(t.word) && t.num < 10:
			if n > 0 && toks[n-1].num >= 20 && strings.HasSuffix(digits, "0") {
				digits = digits[:len(digits)-1]
			}
			digits += strconv.Itoa(int(t.num))
		case t.kind == tNumber && isLetters(t.word) && t.num < 100 && t.num == math.Trunc(t.num):
			digits += strconv.Itoa(int(t.num))
		default:
			return digits, n
		}
		n++
	}
	return digits, n
}

// exponentAt reads "e minus four", "e-4", "times ten to the minus four" and,
// after a ten, "to the minus four".
func exponentAt(toks []token, ten bool) (e float64, n int) {
	if len(toks) == 0 {
		return 0, 0
	}
	switch w := toks[0].word; {
	case isExponent(w):
		v, err := strconv.ParseFloat(w[1:], 64)
		if err != nil {
			return 0, 0
		}
		return v, 1
	case w == "e":
		return powerAt(toks, 1, false)
	case ten && w == "to":
		return powerAt(toks, 1, true)
	case (w == "x" || w == "*" || w == "times") && len(toks) > 2 && toks[1].num == 10 && toks[2].word == "to":
		return powerAt(toks, 3, true)
	}
	return 0, 0
}

// powerAt reads the power from toks[n] on: "the power of minus four", "-4".
// Where it must, it says that it is one.
func powerAt(toks []token, n int, must bool) (e float64, used int) {
	sign, said := 1.0, !must
	for ; n < len(toks); n++ {
		switch t := toks[n]; {
		case t.word == "minus" || t.word == "negative" || t.word == "-":
			sign, said = -1, true
		case t.word == "power":
			said = true
		case t.word == "the" || t.word == "of":
		case t.kind == tNumber && t.num == math.Trunc(t.num) && math.Abs(t.num) <= 12:
			if said || t.num < 0 {
				return sign * t.num, n + 1
			}
			return 0, 0
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// isExponent recognises the second half of "1 e-4".
func isExponent(w string) bool {
	return len(w) > 2 && len(w) < 6 && w[0] == 'e' && w[1] == '-' && strings.Trim(w[2:], "0123456789") == ""
}

// halfExponent recognises the first half of "1e -4" and "1e minus 4".
func halfExponent(w string) bool {
	base, ok := strings.CutSuffix(w, "e")
	return ok && base != "" && len(w) < 8 && strings.Trim(base, "0123456789.") == ""
}

// decimalComma tells whether the comma in w is that of a fraction, as large
// parts of Europe write it: "0,0005", "2,5e-4". "0,1" may be a list.
func decimalComma(w string) bool {
	whole, fraction, ok := strings.Cut(w, ",")
	if !ok || whole == "" || fraction == "" || strings.Trim(whole, "0123456789") != "" {
		return false
	}
	digits, exponent, scientific := strings.Cut(fraction, "e")
	if digits == "" || strings.Trim(digits, "0123456789") != "" || scientific && strings.Trim(exponent, "+-0123456789") != "" {
		return false
	}
	return scientific || whole == "0" && (len(digits) > 1 || digits == "0")
}

// leadsList tells whether the words before three numbers make them a list of
// values rather than the size of something: "seeds [4, 5, 6]", "batch 2/4/8".
func leadsList(before []token) bool {
	for i := len(before) - 1; i >= 0 && i >= len(before)-4; i-- {
		switch before[i].word {
		case "of", "=", ":", "in", "are", "as", "values", "{", "to", "with", "the":
		case "size", "sizes":
			return i > 0 && (before[i-1].word == "batch" || before[i-1].word == "minibatch")
		case "seed", "seeds", "fold", "folds", "rate", "rates", "lr", "lrs", "epochs", "epoch", "batch", "batches", "batch_size", "bs", "patience", "dropout", "decay", "steps":
			return true
		default:
			return false
		}
	}
	return false
}

// listOf cuts "2/4/8", "1,2,3" and "[1e-3,1e-4]" into their numbers, if that is
// what they are.
func listOf(core string) []float64 {
	if v, _, ok := parseNumber(core); ok && v > 0 && v < 0.02 {
		return nil // 1/1000
	}
	var out []float64
	for part := range strings.FieldsFuncSeq(strings.Trim(fold(core), "[](){}"), func(r rune) bool { return r == ',' || r == '/' || r == ';' }) {
		v, unit, ok := parseNumber(part)
		if !ok || unit != "" {
			return nil
		}
		out = append(out, v)
	}
	return out
}
