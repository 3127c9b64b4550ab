package planner

import (
	"math"
	"strconv"
	"strings"
)

// numberWord reads a number written in letters. Weak ones ("one", "a couple")
// count as numbers only where a slot asks for one.
func numberWord(w string) (v float64, weak, ok bool) {
	switch w {
	case "one", "once":
		return 1, true, true
	case "couple", "both", "twice":
		return 2, true, true
	case "half":
		return 0.5, true, true
	case "dozen":
		return 12, false, true
	case "hundred":
		return 100, false, true
	case "thousand":
		return 1000, false, true
	}
	for i, name := range smallNumbers() {
		if w == name {
			return float64(i), false, true
		}
	}
	for i, name := range tensNumbers() {
		if w == name {
			return float64(10 * (i + 2)), false, true
		}
		if rest, found := strings.CutPrefix(w, name+"-"); found {
			if v, _, ok := numberWord(rest); ok && v < 10 {
				return float64(10*(i+2)) + v, false, true
			}
		}
	}
	return 0, false, false
}

func smallNumbers() [20]string {
	return [20]string{
		"zero", "\x00", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
		"eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
	}
}

func tensNumbers() [8]string {
	return [8]string{"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
}

// parseNumber reads 3, 3.5, .5, 3e-4, 1e-3, 1/1000, 10^-4, 1,000, 5k, 30%, and
// a number with a unit stuck to it ("3epochs", "2um").
func parseNumber(s string) (v float64, unit string, ok bool) {
	if len(s) > maxNumber {
		return 0, "", false
	}
	w := fold(s)
	if strings.ContainsAny(w, "/^") {
		v, ok = parseRatio(w)
		return v, "", ok
	}
	w = strings.TrimPrefix(w, "#")
	switch {
	case decimalComma(w):
		w = strings.Replace(w, ",", ".", 1)
	case grouped(w):
		w = strings.ReplaceAll(w, ",", "")
	}
	n := numberLength(w)
	v, err := strconv.ParseFloat(w[:n], 64)
	if n == 0 || err != nil || math.IsInf(v, 0) {
		return 0, "", false
	}
	switch unit = w[n:]; {
	case unit == "%":
		return v / 100, "", true
	case unit == "k":
		return v * 1000, "", true
	case unit == "m" && v == math.Trunc(v) && v < 1000:
		return v * 1e6, "", true
	case unit == "" || isUnitWord(unit):
		return v, unit, true
	}
	return 0, "", false
}

// parseRatio reads 1/1000 and 10^-4.
func parseRatio(w string) (float64, bool) {
	i := strings.IndexAny(w, "/^")
	a, err1 := strconv.ParseFloat(w[:i], 64)
	b, err2 := strconv.ParseFloat(w[i+1:], 64)
	if err1 != nil || err2 != nil {
		return 0, false
	}
	if w[i] == '/' {
		return a / b, b != 0 && !strings.ContainsAny(w, "e.") // 1e-3/1e-4 are two numbers
	}
	return math.Pow(a, b), a == 10
}

// maxNumber is the length of the longest text that is looked at as a number.
const maxNumber = 64

// numberLength is the length of the number at the start of w.
func numberLength(w string) int {
	if len(w) > maxNumber {
		return 0
	}
	digits := func(i int) int {
		for i < len(w) && w[i] >= '0' && w[i] <= '9' {
			i++
		}
		return i
	}
	start := 0
	if start < len(w) && (w[0] == '-' || w[0] == '+') {
		start++
	}
	end := digits(start)
	whole := end - start
	if end < len(w) && w[end] == '.' {
		if frac := digits(end + 1); whole > 0 || frac > end+1 {
			end = frac
		}
	}
	if end == start {
		return 0
	}
	if e := end; e < len(w) && w[e] == 'e' {
		if e++; e < len(w) && (w[e] == '-' || w[e] == '+') {
			e++
		}
		if last := digits(e); last > e {
			end = last
		}
	}
	return end
}

// grouped tells whether commas in w group thousands.
func grouped(w string) bool {
	parts := strings.Split(w, ",")
	if len(parts) < 2 || len(parts[0]) == 0 || len(parts[0]) > 3 {
		return false
	}
	for i, p := range parts {
		if i > 0 && len(p) != 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

func isLengthUnit(u string) bool {
	switch u {
	case "um", "mm", "nm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres", "nanometer", "nanometers", "nanometre", "nanometres", "voxel", "voxels", "vox", "px":
		return true
	}
	return false
}

func isUnitWord(u string) bool {
	switch u {
	case "epoch", "epochs", "ep", "step", "steps", "iterations", "iters", "volumes", "vols", "runs", "folds", "fold", "seeds", "lines", "h", "s", "d", "th", "st", "nd", "rd":
		return true
	}
	return isLengthUnit(u)
}

// parseTriple reads 64x64x32, 96×96×48, 0.7*0.7*2, [64,64,32], 64^3, 64³ and a
// unit stuck to the end.
func parseTriple(s string) (t [3]float64, unit string, ok bool) {
	if len(s) > maxNumber {
		return t, "", false
	}
	w := strings.Trim(fold(s), "[]()")
	for _, cube := range []string{"^3", "³"} {
		if base, found := strings.CutSuffix(w, cube); found {
			v, err := strconv.ParseFloat(base, 64)
			return [3]float64{v, v, v}, "", err == nil && base != "10"
		}
	}
	for _, sep := range []string{"x", "*", ",", "/"} {
		parts := strings.Split(w, sep)
		if len(parts) != 3 || sep == "," && !strings.ContainsAny(s, "[(") && !strings.Contains(w, ".") && grouped(w) {
			continue
		}
		last := numberLength(parts[2])
		unit = parts[2][last:]
		if unit != "" && !isLengthUnit(unit) {
			continue
		}
		parts[2] = parts[2][:last]
		good := true
		for i, p := range parts {
			v, err := strconv.ParseFloat(p, 64)
			good = good && err == nil && v >= 0 && !math.IsInf(v, 0)
			t[i] = v
		}
		if good {
			return t, unit, true
		}
	}
	return [3]float64{}, "", false
}

// isTripleText tells whether brackets belong to a list of three numbers.
func isTripleText(s string) bool {
	_, _, ok := parseTriple(strings.TrimRight(s, ".,;:!?"))
	return ok && strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]")
}

// parseRange reads 0-4 and 0..4.
func parseRange(s string) (a, b float64, ok bool) {
	if len(s) > maxNumber {
		return 0, 0, false
	}
	w := strings.ReplaceAll(fold(s), "..", "-")
	lo, hi, found := strings.Cut(w, "-")
	if !found {
		return 0, 0, false
	}
	x, err1 := strconv.ParseUint(lo, 10, 16)
	y, err2 := strconv.ParseUint(hi, 10, 16)
	return float64(x), float64(y), err1 == nil && err2 == nil
}

// fractionOf reads the words for parts: a third is one in three.
func fractionOf(w string) float64 {
	switch strings.TrimSuffix(w, "s") {
	case "third":
		return 3
	case "quarter":
		return 4
	case "fifth":
		return 5
	case "tenth":
		return 10
	case "twentieth":
		return 20
	case "hundredth":
		return 100
	case "thousandth":
		return 1000
	case "ten-thousandth":
		return 10000
	}
	return 0
}

// joinFraction merges "a third", "two fifths", "half a dozen" and "3 * 10^-4"
// into the number before, and tells whether it did.
func joinFraction(out []token, t token, next string) bool {
	n := len(out)
	if n == 0 {
		return false
	}
	p := &out[n-1]
	part := fractionOf(t.word)
	switch {
	case t.kind == tWord && part > 0 && p.kind == tNumber && isLetters(p.word) && p.num >= 1 && p.num < part:
		p.num, p.weak = p.num/part, false
	case t.kind == tWord && part > 0 && p.kind == tWord && p.word == "a" && !isRunNoun(next):
		p.kind, p.num, p.weak = tNumber, 1/part, false
	case n > 1 && t.kind == tNumber:
		return joinOverWord(&out[n-2], p, t)
	default:
		return false
	}
	p.text, p.end = p.text+" "+t.text, t.end
	return true
}

// joinOverWord merges two numbers with a word between them into the first:
// "half a dozen", "3 * 10^-4". The word is left empty.
func joinOverWord(a, between *token, b token) bool {
	switch {
	case b.word == "dozen" && between.word == "a" && a.word == "half":
		a.num, a.weak = 6, false
	case strings.HasPrefix(b.text, "10^") && a.kind == tNumber && (between.word == "x" || between.word == "*" || between.word == "times"):
		a.num = rounded(a.num * b.num)
	default:
		return false
	}
	a.end = b.end
	*between = token{kind: tPunct}
	return true
}

// rounded drops the digits that binary fractions add to a product.
func rounded(f float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
	if err != nil {
		return f
	}
	return v
}

// joinNumbers merges "twenty five", "two hundred and ten", "half a dozen" and
// numbers that are spelt out ("one e minus four").
func joinNumbers(toks []token) []token {
	toks = joinSpoken(toks)
	out := toks[:0:0]
	for i, t := range toks {
		n := len(out)
		if joinFraction(out, t, at(toks, i+1)) {
			if last := out[n-1]; last.kind == tPunct && last.word == "" {
				out = out[:n-1]
			}
			continue
		}
		if n > 0 && joinLetters(&out[n-1], t) {
			continue
		}
		if n > 1 && out[n-1].word == "and" && addsToHundreds(out[n-2], t) {
			out[n-2].num, out[n-2].end = out[n-2].num+t.num, t.end
			out = out[:n-1]
			continue
		}
		out = append(out, t)
	}
	return out
}

// joinLetters adds a number in letters to the one before it, "two" "hundred", and
// tells whether they are one.
func joinLetters(p *token, t token) bool {
	if t.kind != tNumber || p.kind != tNumber || p.word == "" || !isLetters(p.word) || !isLetters(t.word) {
		return false
	}
	switch {
	case t.num >= 100 || t.word == "dozen":
		p.num, p.weak = p.num*t.num, false
	case p.num >= 20 && t.num < 10 && int(p.num)%10 == 0, p.num >= 100 && t.num < 100 && int(p.num)%100 == 0:
		p.num += t.num
	default:
		return false
	}
	p.end = t.end
	return true
}

// addsToHundreds tells whether t is the rest of a number of hundreds: "fifty" in
// "one hundred and fifty".
func addsToHundreds(hundreds, t token) bool {
	return t.kind == tNumber && isLetters(t.word) && t.num < 100 &&
		hundreds.kind == tNumber && isLetters(hundreds.word) && hundreds.num >= 100 && int(hundreds.num)%100 == 0
}

func isLetters(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// joinTriples merges "64 x 64 x 32", "0.7 by 0.7 by 2", "64, 64, 32" in
// brackets, "64 cubed", and takes a length unit that follows.
func joinTriples(toks []token) []token {
	var out []token
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		if tr, n, ok := spacedTriple(toks[i:], at(toks, i-1)); ok && (toks[i+1].word != "," && toks[i+1].kind != tNumber || !leadsList(out)) {
			t = token{kind: tTriple, triple: tr, word: "triple", text: "triple", start: t.start, end: toks[i+n-1].end}
			i += n - 1
		}
		if n := percentAt(toks, i+1); n > 0 && t.kind == tNumber {
			i += n
			t.num, t.end, t.weak = t.num/100, toks[i].end, false
		}
		if (t.kind == tTriple || t.kind == tNumber) && i+1 < len(toks) && isLengthUnit(toks[i+1].word) {
			i++
			t.unit, t.end = toks[i].word, toks[i].end
		}
		out = append(out, t)
	}
	return out
}

// percentAt is the length of the sign or word for per cent at toks[i], or 0.
func percentAt(toks []token, i int) int {
	switch w := at(toks, i); {
	case w == "%" || w == "percent" || w == "pct":
		return 1
	case w == "per" && at(toks, i+1) == "cent":
		return 2
	}
	return 0
}

// spacedTriple reads a triple written with spaces at the start of toks.
func spacedTriple(toks []token, before string) (t [3]float64, n int, ok bool) {
	if len(toks) >= 2 && toks[0].kind == tNumber && (toks[1].word == "cubed" || toks[1].word == "cube" || toks[1].word == "cubes") {
		v := toks[0].num
		return [3]float64{v, v, v}, 2, true
	}
	if bareTriple(toks, before) {
		return [3]float64{toks[0].num, toks[1].num, toks[2].num}, 3, true
	}
	if len(toks) < 5 {
		return t, 0, false
	}
	for i := range 5 {
		switch {
		case i%2 == 0 && toks[i].kind == tNumber:
			t[i/2] = toks[i].num
		case i%2 == 1 && (toks[i].word == "x" || toks[i].word == "by" || toks[i].word == "*" || toks[0].open && toks[i].word == ","):
		default:
			return t, 0, false
		}
	}
	return t, 5, true
}

// bareTriple recognises three numbers in a row after a word for a size: "patch
// size 96 96 48".
func bareTriple(toks []token, before string) bool {
	switch before {
	case "each", "edges", "size", "patch", "patches", "crop", "shape", "spacing", "of", "window", "dimensions":
	default:
		return false
	}
	return len(toks) >= 3 && toks[0].kind == tNumber && toks[1].kind == tNumber && toks[2].kind == tNumber && !toks[0].weak && !toks[1].weak && !toks[2].weak &&
		(len(toks) == 3 || toks[3].kind != tNumber)
}
