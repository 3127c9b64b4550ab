package projection

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuery is the most bytes that a statement may have.
const maxQuery = 1 << 20

var (
	// ErrQuery says that a statement is wrong.
	ErrQuery = errors.New("bad query")
	// ErrRefused says that a statement is not allowed.
	ErrRefused = errors.New("query refused")
	// ErrTimeout says that a statement took too long.
	ErrTimeout = errors.New("query timed out")
)

// QueryError says what is wrong with a statement and what to do about it. It
// wraps ErrQuery, ErrRefused or ErrTimeout.
type QueryError struct {
	Message    string
	Hint       string
	Candidates []string // names that were probably meant
	Err        error
}

// Error is the message with the hint.
func (e *QueryError) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// Unwrap gives the sentinel.
func (e *QueryError) Unwrap() error { return e.Err }

func refuse(message, hint string) *QueryError {
	return &QueryError{Message: message, Hint: hint, Err: ErrRefused}
}

// screen refuses calls of functions that look like reading but reach outside
// or change the database. The real locks are DuckDB's (no external access,
// locked configuration, a read-only transaction, one statement that reads);
// this one gives a plain answer, and covers what those let through: functions
// that switch logging or checkpoints, and SQL hidden in strings.
func screen(query string) error {
	if len(query) > maxQuery {
		return refuse(fmt.Sprintf("the statement has more than %d bytes", maxQuery), "ask for less")
	}
	if !utf8.ValidString(query) || strings.ContainsRune(query, 0) {
		return &QueryError{Message: "the statement is not valid text", Err: ErrQuery}
	}
	for name := range calls(query) {
		if forbidden(name) {
			return refuse(fmt.Sprintf("the function %q is not allowed", name),
				"queries see the tables "+strings.Join(tableNames(), ", ")+", and no files, network or settings")
		}
	}
	return nil
}

func forbidden(name string) bool {
	for _, prefix := range []string{"read_", "parquet_", "arrow_", "pragma_", "json_execute", "enable_", "disable_", "truncate_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"glob", "getenv", "query", "query_table", "sniff_csv", "checkpoint", "force_checkpoint", "write_log", "which_secret", "duckdb_secrets",
	}, name)
}

// calls yields the lower-case names in a statement that an opening bracket
// follows. Strings and comments are skipped.
func calls(query string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		name := ""
		for i := 0; i < len(query); {
			tok, next := token(query, i)
			switch {
			case isName(query[i:]):
				name = tok
			case tok == "(" && name != "" && !yield(name):
				return
			case tok != "":
				name = ""
			}
			i = next
		}
	}
}

// isName reports whether the lexical element that s starts with is a name.
func isName(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '"' || r == '_' || unicode.IsLetter(r)
}

// token reads one lexical element at i and says where the next begins. Names
// come in lower case, without quotes; other characters as they are; strings
// as "'"; white space and comments as "".
func token(q string, i int) (tok string, next int) {
	rest := q[i:]
	switch c := rest[0]; {
	case c == '\'':
		return "'", i + closing(rest, '\'')
	case c == '"':
		n := closing(rest, '"')
		return strings.ToLower(strings.ReplaceAll(strings.Trim(rest[:n], `"`), `""`, `"`)), i + n
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			return "", i + n
		}
		return "", len(q)
	case strings.HasPrefix(rest, "/*"):
		if n := strings.Index(rest[2:], "*/"); n >= 0 {
			return "", i + n + 4
		}
		return "", len(q)
	case c == '$':
		if n := dollarString(rest); n > 0 {
			return "'", i + n
		}
		return "$", i + 1
	}
	r, size := utf8.DecodeRuneInString(rest)
	if unicode.IsSpace(r) {
		return "", i + size
	}
	if r != '_' && !unicode.IsLetter(r) {
		return rest[:size], i + size
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if n < 0 {
		n = len(rest)
	}
	return strings.ToLower(rest[:n]), i + n
}

// closing gives the length of a quoted element, in which a doubled quote
// stands for one.
func closing(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

// dollarString gives the length of a $tag$…$tag$ string, or 0.
func dollarString(s string) int {
	end := strings.IndexByte(s[1:], '$')
	if end < 0 {
		return 0
	}
	tag := s[:end+2]
	for _, r := range tag[1 : len(tag)-1] {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return 0
		}
	}
	if n := strings.Index(s[len(tag):], tag); n >= 0 {
		return len(tag) + n + len(tag)
	}
	return len(s)
}
