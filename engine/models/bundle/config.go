package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// maxText bounds a configuration's file, and with it what YAML's aliases may
// unfold to.
const maxText = 1 << 20

// config is a parsed configuration: dictionaries, lists, strings, numbers.
type config struct {
	name   string
	root   map[string]any
	values int // resolved so far
}

// firstConfig reads the configuration of inference, or else that of training.
func firstConfig(folder string) (*config, error) {
	for _, name := range []string{"inference", "train", "evaluate"} {
		for _, ext := range []string{".json", ".yaml", ".yml"} {
			path := filepath.Join(folder, "configs", name+ext)
			text, err := readText(path)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			c := &config{name: "configs/" + name + ext}
			if err == nil {
				err = decodeInto(path, text, &c.root)
			}
			return c, err
		}
	}
	return nil, fmt.Errorf("%w: there is no inference or train configuration in configs/", ErrFormat)
}

func readText(path string) (text []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, maxText+1))
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("%w: %q is larger than %d bytes", ErrFormat, path, maxText)
	}
	return text, err
}

// decodeInto reads JSON, or YAML by the file's ending. YAML goes through JSON,
// so that numbers are alike; its aliases are refused, since few lines of them
// can unfold to anything.
func decodeInto(path string, text []byte, dst any) error {
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		if hasAlias(text) {
			return fmt.Errorf("%w: %q uses YAML aliases, which are not read; write the values out", ErrFormat, path)
		}
		var err error
		if text, err = yaml.YAMLToJSON(text); err != nil {
			return fmt.Errorf("%w: %q: %s", ErrFormat, path, firstLine(err))
		}
	}
	if err := json.Unmarshal(text, dst); err != nil {
		return fmt.Errorf("%w: %q: %w", ErrFormat, path, err)
	}
	return nil
}

// firstLine leaves out the excerpt that go-yaml puts below its messages.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// get follows a path such as network_def::in_channels (or # as older bundles
// write).
func (c *config) get(path string) (any, bool) {
	var at any = c.root
	for part := range strings.SplitSeq(strings.ReplaceAll(path, "#", "::"), "::") {
		switch v := at.(type) {
		case map[string]any:
			next, ok := v[part]
			if !ok {
				return nil, false
			}
			at = next
		case []any:
			var i int
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			at = v[i]
		default:
			return nil, false
		}
	}
	return at, true
}

// maxHops bounds how references follow each other, and maxValues what they may
// unfold to.
const (
	maxHops   = 64
	maxValues = 10_000
)

// resolve replaces references by what they refer to, wherever they stand in a
// value. Anything that only Python could tell is ErrUnsupported.
func (c *config) resolve(v any, hops int) (any, error) {
	if hops > maxHops {
		return nil, fmt.Errorf("%w: references go round in circles", ErrFormat)
	}
	if c.values++; c.values > maxValues {
		return nil, fmt.Errorf("%w: references unfold to more than %d values", ErrFormat, maxValues)
	}
	switch v := v.(type) {
	case string:
		return c.resolveText(v, hops)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = c.resolve(x, hops+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			var err error
			if out[k], err = c.resolve(x, hops+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	default:
		return v, nil
	}
}

func (c *config) resolveText(s string, hops int) (any, error) {
	expression, isExpression := strings.CutPrefix(s, "$")
	expression = strings.TrimSpace(expression)
	if n, ok := isNumber(expression); isExpression && ok {
		return n, nil
	}
	switch {
	case isExpression && expression == "None":
		return nil, nil
	case isExpression && (expression == "True" || expression == "False"):
		return expression == "True", nil
	case isReference(expression):
		target, ok := c.get(expression[1:])
		if !ok {
			return nil, fmt.Errorf("%w: %q refers to nothing", ErrFormat, s)
		}
		return c.resolve(target, hops+1)
	case isExpression:
		return nil, fmt.Errorf("%w: %q is Python code, which is never run", ErrUnsupported, s)
	case strings.HasPrefix(s, "%"):
		return nil, fmt.Errorf("%w: %q takes text from another place, which is not done", ErrUnsupported, s)
	default:
		return s, nil
	}
}

// spacing finds the first resampling among the preprocessing steps.
func (c *config) spacing() []float64 {
	steps, _ := c.get("preprocessing::transforms")
	list, _ := steps.([]any)
	for _, step := range list {
		t, _ := step.(map[string]any)
		if name, _ := t["_target_"].(string); !strings.HasPrefix(lastPart(name), "Spacing") {
			continue
		}
		v, err := c.resolve(t["pixdim"], 0)
		sizes, ok := v.([]any)
		if err != nil || !ok || len(sizes) != 3 {
			return nil
		}
		var out []float64
		for _, s := range sizes {
			n, ok := s.(float64)
			if !ok || n <= 0 {
				return nil
			}
			out = append(out, n)
		}
		return out
	}
	return nil
}

// lastPart is a dotted name's last part.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// isReference recognises @ and a path of words.
func isReference(s string) bool {
	path, ok := strings.CutPrefix(s, "@")
	return ok && path != "" && !strings.ContainsFunc(path, func(r rune) bool {
		return r != '_' && r != ':' && r != '#' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// isNumber reads a number; of all that JSON takes for one only null is not.
func isNumber(s string) (n float64, ok bool) {
	return n, s != "null" && json.Unmarshal([]byte(s), &n) == nil
}

// hasAlias reports whether a YAML document refers to its own parts.
func hasAlias(text []byte) bool {
	return slices.ContainsFunc(lexer.Tokenize(string(text)), func(t *token.Token) bool { return t.Type == token.AliasType })
}
