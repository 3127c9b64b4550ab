package planner

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind says what sort of thing a token is.
type tokenKind int

// The kinds of token.
const (
	tWord   tokenKind = iota
	tNumber           // num holds its value
	tTriple           // triple holds its three values
	tAssign           // key=value; word is the key, text the value
	tPath
	tQuoted // text is what stood between the quotes
	tSQL    // text is the whole statement
	tPunct  // word is the character
)

// token is a piece of the sentence. Start and end are byte offsets into the
// text as it was written.
type token struct {
	kind       tokenKind
	text       string // as written
	word, stem string // normalised
	num        float64
	weak       bool // a number word ("one", "a couple") that may be a mere word
	unit       string
	open       bool // a bracket stands right before it
	plural     bool // a phrase whose last word was written in the plural
	triple     [3]float64
	start, end int
}

// maxText bounds how much of an utterance is read.
const maxText = 4 << 10

// tokenise cuts text into tokens.
func tokenise(text string) []token {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	limit, sql := cutSQL(text)
	var toks []token
	for i := 0; i < limit; {
		r, size := utf8.DecodeRuneInString(text[i:limit])
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			i += size
		case isOpenQuote(r):
			if inner, end, ok := quoted(text[:limit], i, size); ok {
				toks = append(toks, token{kind: tQuoted, text: inner, word: strings.ToLower(inner), start: i, end: end})
				i = end
				continue
			}
			i += size
		default:
			end := chunkEnd(text[:limit], i)
			toks = appendChunk(toks, text, i, end)
			i = end
		}
	}
	if sql.text != "" {
		toks = append(toks, sql)
	}
	if !strings.ContainsFunc(text, unicode.IsLower) {
		for i := range toks {
			if toks[i].kind == tWord {
				toks[i].text = toks[i].word // where all is in capitals, none of them says anything
			}
		}
	}
	return joinTriples(joinNumbers(toks))
}

// chunkEnd finds the end of a run of characters without spaces. Brackets that
// belong to a list such as [64,64,32] are kept inside.
func chunkEnd(s string, i int) int {
	for j, r := range s[i:] {
		if j > 0 && (unicode.IsSpace(r) || isOpenQuote(r) && r != '\'' && r != '’') {
			return i + j
		}
	}
	return len(s)
}

// isOpenQuote tells whether r may begin a quoted name.
func isOpenQuote(r rune) bool {
	return strings.ContainsRune("\"'`“‘„«", r)
}

// quoted reads the quoted text that starts at i.
func quoted(s string, i, size int) (inner string, end int, ok bool) {
	open, _ := utf8.DecodeRuneInString(s[i:])
	closing := map[rune]string{'“': "”", '‘': "’", '„': "“", '«': "»"}[open]
	if closing == "" {
		closing = string(open)
	}
	j := strings.Index(s[i+size:], closing)
	if j <= 0 {
		return "", 0, false
	}
	return s[i+size : i+size+j], i + size + j + len(closing), true
}

// appendChunk reads one chunk: punctuation is split off its ends, then it is
// a path, an assignment, a number, a triple or a word.
func appendChunk(toks []token, text string, start, end int) []token {
	for start < end && strings.ContainsRune("([{<¿¡", firstRune(text[start:end])) && !isTripleText(text[start:end]) {
		start += utf8.RuneLen(firstRune(text[start:end]))
	}
	tail := end
	for tail > start && strings.ContainsRune(".,;:!?)]}>…'’\"”", lastRune(text[start:tail])) && !isTripleText(text[start:tail]) && !closesList(text[start:tail]) {
		tail -= utf8.RuneLen(lastRune(text[start:tail]))
	}
	if isPort(text[start:tail]) {
		toks = append(toks, wordToken("port", start, start+1))
		start++
	}
	if n := len(toks); tail > start {
		toks = appendCore(toks, text, start, tail)
		toks[n].open = start > 0 && (text[start-1] == '[' || text[start-1] == '(')
	}
	for i := tail; i < end; {
		r := firstRune(text[i:end])
		n := utf8.RuneLen(r)
		if strings.ContainsRune(".,;:!?", r) {
			toks = append(toks, token{kind: tPunct, text: string(r), word: string(r), start: i, end: i + n})
		}
		i += n
	}
	return toks
}

// isPort recognises ":8080".
func isPort(s string) bool {
	return len(s) > 2 && len(s) < 7 && s[0] == ':' && strings.Trim(s[1:], "0123456789") == ""
}

// closesList tells whether the bracket at the end closes a list that is the
// value of a setting: strides=[1,2,2].
func closesList(s string) bool {
	return strings.Contains(s, "=[") && strings.HasSuffix(s, "]") && strings.Count(s, "[") == strings.Count(s, "]")
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return keepASCII(r) }
func lastRune(s string) rune  { r, _ := utf8.DecodeLastRuneInString(s); return keepASCII(r) }

// keepASCII maps an invalid byte to a rune of width one.
func keepASCII(r rune) rune {
	if r == utf8.RuneError {
		return '\x00'
	}
	return r
}

// appendCore reads a chunk without punctuation at its ends.
func appendCore(toks []token, text string, start, end int) []token {
	core := text[start:end]
	t := token{text: core, start: start, end: end}
	switch w := fold(core); w {
	case "/", "|":
		return append(toks, token{kind: tPunct, text: core, word: ",", start: start, end: end})
	case "w/", "w/o", "w/out":
		t = wordToken(map[string]string{"w/": "with"}[w], start, end)
		if t.word == "" {
			t = wordToken("without", start, end)
		}
		return append(toks, t)
	case "hows", "whats", "whos", "wheres", "thats":
		return append(toks, wordToken(strings.TrimSuffix(w, "s"), start, end), wordToken("is", start, end))
	}
	if list := listOf(core); len(list) > 1 && (leadsList(toks) || strings.Contains(core, "e-")) && !decimalComma(core) {
		return appendNumbers(toks, list, start, end)
	}
	switch {
	case isPath(core):
		t.kind, t.word = tPath, strings.ToLower(core)
		return append(toks, t)
	case isAssign(core):
		key, value, _ := strings.Cut(core, "=")
		t.kind, t.word, t.text = tAssign, strings.ToLower(key), value
		return append(toks, t)
	}
	if tr, unit, ok := parseTriple(core); ok {
		t.kind, t.triple, t.unit, t.word = tTriple, tr, unit, fold(core)
		return append(toks, t)
	}
	if v, unit, ok := parseNumber(core); ok {
		t.kind, t.num, t.unit, t.word = tNumber, v, unit, fold(core)
		toks = append(toks, t)
		if unit != "" && !isLengthUnit(unit) {
			toks = append(toks, wordToken(unit, start, end))
		}
		return toks
	}
	if n := stuckLead(core); n > 0 && (len(toks) == 0 || !namesNext(toks[len(toks)-1].word)) {
		toks = append(toks, wordToken(fold(core[:n]), start, start+n))
		return appendCore(toks, text, start+n, end)
	}
	if lead, rest, ok := strings.Cut(core, "-"); ok && isCounted(fold(lead), fold(rest)) {
		toks = appendCore(toks, text, start, start+len(lead))
		return append(toks, wordToken(fold(rest), start, end))
	}
	if i := strings.IndexAny(core, ",;"); i > 0 {
		return appendList(toks, text, start, end)
	}
	if a, b, ok := parseRange(core); ok {
		return append(toks, numberToken(a, start, end), token{kind: tPunct, word: "-", text: "-", start: start, end: end}, numberToken(b, start, end))
	}
	return appendWords(toks, core, start, end)
}

// appendNumbers adds a list of numbers, commas between them.
func appendNumbers(toks []token, list []float64, start, end int) []token {
	for i, v := range list {
		if i > 0 {
			toks = append(toks, token{kind: tPunct, text: ",", word: ",", start: start, end: end})
		}
		t := numberToken(v, start, end)
		t.text = plainNumber(v)
		t.word = t.text
		toks = append(toks, t)
	}
	return toks
}

// appendList reads chunks joined by commas without spaces: "a,b,c".
func appendList(toks []token, text string, start, end int) []token {
	for start < end {
		i := strings.IndexAny(text[start:end], ",;")
		switch {
		case i < 0:
			return appendCore(toks, text, start, end)
		case i > 0:
			toks = appendCore(toks, text, start, start+i)
		}
		toks = append(toks, token{kind: tPunct, text: ",", word: text[start+i : start+i+1], start: start + i, end: start + i + 1})
		start += i + 1
	}
	return toks
}

// appendWords adds a word, its contraction spelt out ("what's" → what is).
func appendWords(toks []token, core string, start, end int) []token {
	w := fold(core)
	if v, weak, ok := numberWord(w); ok {
		t := wordToken(w, start, end)
		t.kind, t.num, t.weak, t.text = tNumber, v, weak, core
		return append(toks, t)
	}
	for _, c := range [][2]string{{"'s", "is"}, {"'re", "are"}, {"'ll", "will"}, {"'ve", "have"}, {"'d", "would"}, {"'m", "am"}} {
		if base, ok := strings.CutSuffix(w, c[0]); ok && base != "" {
			first := wordToken(base, start, end)
			first.text = core
			return append(toks, first, wordToken(c[1], start, end))
		}
	}
	t := wordToken(w, start, end)
	t.text = core
	return append(toks, t)
}

func wordToken(w string, start, end int) token {
	return token{kind: tWord, text: w, word: w, stem: stem(w), start: start, end: end}
}

func numberToken(v float64, start, end int) token {
	return token{kind: tNumber, num: v, start: start, end: end}
}

// fold lower-cases and maps look-alike characters to plain ones.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '×', '✕', '⨯':
			return 'x'
		case 'µ', 'μ':
			return 'u'
		case '–', '—', '‐', '‑', '−':
			return '-'
		case '’', '‘', 'ʼ':
			return '\''
		}
		if unicode.IsControl(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// isPath tells whether a chunk names a file or folder.
func isPath(s string) bool {
	if key, _, ok := strings.Cut(s, "="); ok && strings.Contains(key, ".") && isAssign(s) {
		return false // model.options.path=nets/a.ts
	}
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		return len(s) > 1
	}
	for _, ext := range []string{".nii", ".nii.gz", ".json", ".md", ".html", ".onnx", ".safetensors", ".npz", ".pt", ".pth", ".ts", ".ckpt", ".yaml", ".yml"} {
		if strings.HasSuffix(strings.ToLower(s), ext) && len(s) > len(ext) {
			return true
		}
	}
	return strings.Count(s, "/") >= 1 && !strings.ContainsAny(s, "=,") && !isFraction(s)
}

// stuckLead is the length of a setting's short name that a number is stuck to:
// "bs2", "lr1e-3", "ep50".
func stuckLead(core string) int {
	w := fold(core)
	for _, lead := range []string{"lr", "bs", "ep", "seed", "fold"} {
		if rest, ok := strings.CutPrefix(w, lead); ok && rest != "" && len(w) == len(core) {
			if _, unit, isNumber := parseNumber(rest); isNumber && unit == "" && rest[0] != '-' && rest[0] != '+' {
				return len(lead)
			}
		}
	}
	return 0
}

// namesNext lists the words after which anything is a name.
func namesNext(w string) bool {
	switch w {
	case "name", "named", "called", "call", "as", "tag", "tagged", "dataset", "run", "it", "to":
		return true
	}
	return false
}

// isCounted tells "3-fold" and "ten-epoch" from hyphenated names.
func isCounted(lead, rest string) bool {
	_, _, word := numberWord(lead)
	if lead == "" || !word && strings.Trim(lead, "0123456789") != "" {
		return false
	}
	switch strings.TrimSuffix(rest, "s") {
	case "fold", "epoch", "step", "volume", "way", "seed", "run", "filter":
		return true
	}
	return false
}

// isFraction tells 1/1000 from a path.
func isFraction(s string) bool {
	return strings.Trim(s, "0123456789./") == "" && strings.Count(s, "/") == 1
}

// isAssign tells whether a chunk is key=value.
func isAssign(s string) bool {
	key, value, ok := strings.Cut(s, "=")
	return ok && key != "" && value != "" && strings.Trim(strings.ToLower(key), "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
}
