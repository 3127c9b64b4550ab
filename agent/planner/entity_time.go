package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// findSince reads "since yesterday", "from today", "in the last 3 days", "this
// week", "since Tuesday", "since 1 March". What depends on the day on which it
// is said is worked out later, by sinceWord.
func findSince(_ *lexicon, toks []token, i int, _ Names) (*mention, int) {
	j := i
	for j < len(toks) && isSinceLead(at(toks, j)) {
		j++
	}
	m := &mention{class: cSince, rule: "time"}
	spoken := j > i && slices.ContainsFunc(toks[i:j], func(t token) bool { return t.word == "since" || t.word == "after" || t.word == "from" })
	switch w := at(toks, j); w {
	case "today", "yesterday":
		if m.text = w; w == "yesterday" && j > i && toks[j-1].word == "from" {
			m.text = "from yesterday"
		}
		return m, j + 1 - i
	case "this":
		if next := at(toks, j+1); next == "week" || next == "month" || next == "year" || next == "morning" {
			m.text = "this " + next
			return m, j + 2 - i
		}
	case "last", "past":
		if _, day := weekday(at(toks, j+1)); day {
			m.text = "last " + toks[j+1].word
			return m, j + 2 - i
		}
		return sinceSpan(toks, i, j, m)
	}
	if j >= len(toks) || !spoken {
		return nil, 0
	}
	if looksLikeDate(toks[j].word) {
		m.text = toks[j].word
		return m, j + 1 - i
	}
	if _, day := weekday(at(toks, j)); day {
		m.text = toks[j].word
		return m, j + 1 - i
	}
	if text, n := dayOfMonth(toks[j:]); n > 0 {
		m.text = text
		return m, j + n - i
	}
	return nil, 0
}

func isSinceLead(w string) bool {
	switch w {
	case "since", "from", "in", "within", "the", "over", "after", "during":
		return true
	}
	return false
}

// dayOfMonth reads "1 march", "march 1st", "the 3rd of march" as "3-march".
func dayOfMonth(toks []token) (text string, n int) {
	day, month := 0, ""
	for n < len(toks) && n < 4 && (day == 0 || month == "") {
		switch t := toks[n]; {
		case t.kind == tNumber && day == 0 && t.num >= 1 && t.num <= 31:
			day = int(t.num)
		case monthOf(t.word) > 0 && month == "":
			month = t.word
		case t.word == "of" || t.word == "the" || day > 0 && (t.word == "st" || t.word == "nd" || t.word == "rd" || t.word == "th"):
		default:
			return "", 0
		}
		n++
	}
	if day == 0 || month == "" {
		return "", 0
	}
	return fmt.Sprintf("%d-%s", day, month), n
}

// monthOf reads a month's name or its first three letters; 0 is none.
func monthOf(w string) time.Month {
	for m := time.January; m <= time.December; m++ {
		if name := strings.ToLower(m.String()); w == name || w == name[:3] {
			return m
		}
	}
	return 0
}

// weekday reads a day's name.
func weekday(w string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); w == name || len(w) >= 3 && w == name[:3] && w != "sun" && w != "sat" || w == name+"s" {
			return d, true
		}
	}
	return 0, false
}

// sinceSpan reads "last week", "past 3 days", "last 24 hours".
func sinceSpan(toks []token, i, j int, m *mention) (*mention, int) {
	n, k := 1.0, j+1
	if k < len(toks) && toks[k].kind == tNumber {
		n = toks[k].num
		k++
	}
	unit := map[string]float64{"hour": 1, "day": 24, "night": 24, "week": 168, "fortnight": 336, "month": 720}[strings.TrimSuffix(at(toks, k), "s")]
	if unit == 0 || n <= 0 || n > 1e5 {
		return nil, 0
	}
	hours := int64(n * unit)
	m.text = plainNumber(float64(hours)) + "h"
	if hours%24 == 0 {
		m.text = plainNumber(float64(hours/24)) + "d"
	}
	return m, k + 1 - i
}

// looksLikeDate recognises 2026-10-01.
func looksLikeDate(w string) bool {
	return len(w) == 10 && w[4] == '-' && w[7] == '-' && strings.Trim(w, "0123456789-") == ""
}

// sinceWord turns a time as people say it into one that runs_list takes, and
// says how it was read.
func sinceWord(r *reader, s string) string {
	now := r.now()
	var day time.Time
	switch s {
	case "from yesterday":
		day = now.AddDate(0, 0, -1)
	case "yesterday", "today":
		r.note(fmt.Sprintf("I take %q as the last 24 hours.", s))
		return "24h"
	case "this morning":
		day = now
	case "this week":
		day = now.AddDate(0, 0, -(int(now.Weekday())+6)%7)
	case "this month":
		day = now.AddDate(0, 0, 1-now.Day())
	case "this year":
		day = now.AddDate(0, 0, 1-now.YearDay())
	default:
		if d, ok := weekday(strings.TrimPrefix(s, "last ")); ok {
			day = now.AddDate(0, 0, -daysSince(now.Weekday(), d))
			break
		}
		number, month, found := strings.Cut(s, "-")
		n, _, isNumber := parseNumber(number)
		if !found || !isNumber || monthOf(month) == 0 {
			return s
		}
		day = time.Date(now.Year(), monthOf(month), int(n), 0, 0, 0, 0, now.Location())
		if day.After(now) {
			day = day.AddDate(-1, 0, 0)
		}
	}
	date := day.Format(time.DateOnly)
	r.note(fmt.Sprintf("I take %q as since %s.", clean(s), date))
	return date
}

// daysSince is how many days ago a weekday was last, at least one.
func daysSince(today, day time.Weekday) int {
	if n := (int(today-day) + 7) % 7; n > 0 {
		return n
	}
	return 7
}

// instant is the time, in UTC and as SQL writes it, that "this week" or "the
// last 3 days" begins with; "" when the words say none.
func (r *reader) instant(said string) string {
	text := sinceWord(r, said)
	if day, err := time.ParseInLocation(time.DateOnly, text, r.now().Location()); err == nil {
		return day.UTC().Format(time.DateTime)
	}
	var n float64
	var unit rune
	if _, err := fmt.Sscanf(text, "%g%c", &n, &unit); err != nil {
		return ""
	}
	span := time.Duration(n * float64(time.Hour))
	if unit == 'd' {
		span *= 24
	}
	return r.now().Add(-span).UTC().Format(time.DateTime)
}
