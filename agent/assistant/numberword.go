package assistant

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// units and tens are the words that numbers are made of.
func wordValue(w string) (value float64, scale, ok bool) {
	small := map[string]float64{
		"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
		"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
		"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	}
	if v, ok := small[w]; ok {
		return v, false, true
	}
	large := map[string]float64{"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1e6}
	v, ok := large[w]
	return v, true, ok
}

// otherFigure reads what stands at i and is no ASCII digit: a number in words,
// a run of other digits, or something else. End is where to go on.
func otherFigure(line string, i int) (end int, f figure, ok bool) {
	r, size := utf8.DecodeRuneInString(line[i:])
	switch {
	case r != utf8.RuneError && r > unicode.MaxASCII && unicode.In(r, unicode.Nd, unicode.Nl, unicode.No):
		end = i
		for end < len(line) {
			r, size := utf8.DecodeRuneInString(line[end:])
			if r < unicode.MaxASCII && !strings.ContainsRune(".,", r) || r > unicode.MaxASCII && !unicode.IsNumber(r) {
				break
			}
			end += size
		}
		text := strings.TrimRight(line[i:end], ".,")
		if r == '²' || r == '³' { // an exponent of a unit or of a side: 48³, µm²
			return i + len(text), figure{}, false
		}
		return i + len(text), figure{text: text, foreign: true, decimal: true, before: line[:i]}, true
	case unicode.IsLetter(r):
		return wordsFigure(line, i)
	}
	return i + size, figure{}, false
}

// wordsFigure reads a number in words: twenty-one, two hundred, a dozen. What
// is none is passed over as a whole word.
func wordsFigure(line string, i int) (end int, f figure, ok bool) {
	value, total, at := 0.0, 0.0, i
	for {
		w := word(line, at)
		if w == "" {
			break
		}
		v, scale, known := wordValue(strings.ToLower(w))
		if !known {
			break
		}
		switch {
		case scale && v >= 1000:
			total, value = total+max(value, 1)*v, 0
		case scale:
			value = max(value, 1) * v
		default:
			value += v
		}
		ok, end = true, at+len(w)
		if at = end; at < len(line) && (line[at] == ' ' || line[at] == '-') {
			at++
		}
	}
	if !ok {
		return i + max(len(word(line, i)), 1), figure{}, false
	}
	unit, after := scanUnit(line, end)
	if unit == "" || !measured(unit) && !isPercent(unit) {
		after = end
	}
	f = figure{text: line[i:end], value: total + value, unit: unit, word: true, before: line[:i]}
	if isPercent(unit) {
		f.unit, f.decimal = "%", true
	}
	return after, f, true
}

// word is the letters and underscores from i on.
func word(s string, i int) string {
	end := i
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !unicode.IsLetter(r) && r != '_' {
			break
		}
		end += size
	}
	return s[i:end]
}

// measured says whether a noun counts things that tools report.
func measured(noun string) bool {
	switch strings.TrimSuffix(strings.ToLower(noun), "s") {
	case "volume", "run", "epoch", "fold", "seed", "dataset", "patch", "patche", "percent", "point", "hour", "minute", "min", "second", "sec", "day",
		"voxel", "label", "case", "image", "time", "job", "model", "training", "evaluation", "parameter", "checkpoint", "worker", "core",
		"gb", "mb", "kb", "gib", "mib", "µm", "um", "mm", "nm", "ms", "h", "k", "m", "thousand", "million", "billion":
		return true
	}
	return false
}

// trivial says whether the figure is a small count that needs no source, since
// it only counts words or names a thing said here: "query 2", "the two of them".
func (f figure) trivial() bool {
	if f.decimal || f.foreign || f.value < 0 || f.value > smallCount || measured(f.unit) {
		return false
	}
	return f.word || labelled(f.before)
}

// labelled says whether the word before a number makes it a name.
func labelled(before string) bool {
	fields := strings.FieldsFunc(strings.ToLower(before), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(fields) == 0 {
		return false
	}
	switch strings.TrimSuffix(fields[len(fields)-1], "s") {
	case "query", "querie", "step", "source", "turn", "option", "entry", "number", "no", "choice", "item":
		return true
	case "and", "or", "to": // queries 1 and 2
		return len(fields) > 1 && labelled(strings.Join(fields[:len(fields)-1], " "))
	}
	return false
}
