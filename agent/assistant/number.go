package assistant

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// smallCount is the largest whole number that an answer may use without a
// source, where it only counts words: "query 2", "the two of them".
const smallCount = 12

// A figure is a number as a text shows it.
type figure struct {
	text    string  // as it stands there, with sign and unit
	value   float64 // without the unit's factor
	digits  int     // after the decimal point; negative for an exponent
	unit    string  // "%", or the letters that follow
	decimal bool    // written with a point, an exponent or a per cent sign
	foreign bool    // written with signs that no tool writes: ½, ٣, ⁻³
	word    bool    // written as a word: twelve
	before  string  // the line up to it
}

// figures finds the numbers of a text. Digits that belong to a name (HD95,
// segresnet-8, brisk-otter-7f3a, mv07.nii.gz), to an ordinal (95th), to a
// dimension (3D) or to the numbering of a list are not numbers.
func figures(text string) []figure {
	var found []figure
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(line, " \t")
		if i := strings.IndexFunc(line, func(r rune) bool { return r < '0' || r > '9' }); i > 0 && (line[i] == '.' || line[i] == ')') &&
			i+1 < len(line) && line[i+1] == ' ' {
			line = line[i+1:]
		}
		found = append(found, lineFigures(line)...)
	}
	return found
}

func lineFigures(line string) []figure {
	var found []figure
	for i := 0; i < len(line); {
		if c := line[i]; c < '0' || c > '9' {
			end, f, ok := otherFigure(line, i)
			if ok {
				found = append(found, f)
			}
			i = end
			continue
		}
		begin := i
		number, end := scanNumber(line, i)
		unit, after := scanUnit(line, end)
		if inName(line, begin) || continuesName(line, end, unit) {
			i = skipWord(line, end)
			if f, ok := hidden(line, begin, end, number); ok {
				found = append(found, f)
			}
			continue
		}
		i = after
		if f, ok := newFigure(line, begin, end, number, unit); ok {
			found = append(found, f)
		}
	}
	return found
}

// scanNumber reads digits with thousands separators, a decimal part and an
// exponent.
func scanNumber(s string, i int) (number string, end int) {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	end = digits(i)
	for end < len(s) && s[end] == ',' && digits(end+1) == end+4 {
		end += 4
	}
	if end+1 < len(s) && s[end] == '.' && digits(end+1) > end+1 {
		end = digits(end + 1)
	}
	if end+1 < len(s) && (s[end] == 'e' || s[end] == 'E') {
		sign := end + 1
		if s[sign] == '-' || s[sign] == '+' {
			sign++
		}
		if e := digits(sign); e > sign {
			end = e
		}
	}
	return strings.ReplaceAll(s[i:end], ",", ""), end
}

// scanUnit reads what follows a number: a per cent sign or letters, right
// there or after one space.
func scanUnit(s string, i int) (unit string, end int) {
	at := i
	if r, size := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) || r == '\u202f' {
		at += size
	}
	if strings.HasPrefix(s[at:], "%") {
		return "%", at + 1
	}
	end = at
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !unicode.IsLetter(r) && r != 'µ' {
			break
		}
		end += size
	}
	if end == at {
		return "", i
	}
	return s[at:end], end
}

// inName says whether the number at i goes on a word: HD95, segresnet-8, a/7.
func inName(s string, i int) bool {
	r, size := utf8.DecodeLastRuneInString(s[:i])
	switch {
	case i == 0:
		return false
	case unicode.IsLetter(r), r == '_', r == '@', r == '#':
		return true
	case strings.ContainsRune("-./", r):
		// After a digit it is a range, a date or a share; a name would have
		// been skipped as a whole.
		before, _ := utf8.DecodeLastRuneInString(s[:i-size])
		return unicode.IsLetter(before) || before == '_' || r == '.' && unicode.IsDigit(before)
	}
	return false
}

// continuesName says whether what follows makes a name of the digits: 3D,
// 95th, 7f3a, 07.nii.
func continuesName(s string, end int, unit string) bool {
	if strings.HasPrefix(s[end:], "_") || strings.HasPrefix(s[end:], "-") && startsWithLetter(s[end+1:]) {
		return true
	}
	if !startsWithLetter(s[end:]) {
		return strings.HasPrefix(s[end:], ".") && startsWithLetter(s[end+1:])
	}
	switch strings.ToLower(unit) {
	case "d", "st", "nd", "rd", "th", "x":
		return true
	}
	after := s[end+len(unit):]
	r, _ := utf8.DecodeRuneInString(after)
	return after != "" && (unicode.IsDigit(r) || r == '_')
}

// hidden is a decimal number that stands in what looks like a name and is no
// version of one: "dice0.93", "dice-0.93".
func hidden(line string, begin, end int, number string) (figure, bool) {
	whole, frac, decimal := strings.Cut(number, ".")
	rest := line[end:]
	if !decimal || whole != "0" && len(frac) < 2 || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, ".") && len(rest) > 1 && rest[1] != ' ' {
		return figure{}, false
	}
	if r, _ := utf8.DecodeRuneInString(rest); rest != "" && (unicode.IsLetter(r) || r == '_' || r == '/') {
		return figure{}, false
	}
	if r, _ := utf8.DecodeLastRuneInString(line[:begin]); r == '.' {
		return figure{}, false // 1.2.34
	}
	return newFigure(line, begin, end, number, "")
}

func isPercent(unit string) bool {
	switch strings.ToLower(unit) {
	case "%", "percent", "pct":
		return true
	}
	return false
}

func startsWithLetter(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && unicode.IsLetter(r)
}

func skipWord(s string, i int) int {
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-./", r) {
			break
		}
		i += size
	}
	return i
}

func newFigure(line string, begin, end int, number, unit string) (figure, bool) {
	v, err := strconv.ParseFloat(number, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // too large a number is still a claim
		return figure{}, false
	}
	if negative(line, begin) {
		v = -v
	}
	f := figure{text: line[begin:end], value: v, unit: unit, before: line[:begin]}
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(number), "e")
	if _, frac, ok := strings.Cut(mantissa, "."); ok {
		f.digits = len(frac)
	}
	if e, err := strconv.Atoi(exponent); scientific && err == nil {
		f.digits -= e
	}
	if isPercent(unit) {
		f.unit = "%"
		f.text += " %"
	}
	f.decimal = f.digits != 0 || scientific || f.unit == "%"
	return f, true
}

// negative says whether a minus sign, and not a range or a hyphen, stands
// before the number.
func negative(s string, i int) bool {
	r, size := utf8.DecodeLastRuneInString(s[:i])
	if r != '-' && r != '−' {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(s[:i-size])
	return i == size || before == ' ' || before == '('
}
