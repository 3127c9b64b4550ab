package remote

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/tools"
)

const (
	maxTools       = 128
	maxSchema      = 32 << 10
	maxDescription = 2000 // characters
	maxTitle       = 80
	maxSeen        = 8 << 20
	maxToolName    = 64 // what providers of language models take
)

// seen is what a person looked at of one server.
type seen struct {
	Server string    `json:"server"`
	Digest string    `json:"digest"` // of its configuration
	Looked time.Time `json:"looked"`
	Says   string    `json:"says"` // what it calls itself
	Tools  []offered `json:"tools"`
}

// offered is one tool that a server offers, bounded and made plain.
type offered struct {
	Name        string          `json:"name"` // in the registry
	Remote      string          `json:"remote"`
	Title       string          `json:"title,omitempty"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input"`
	ReadOnly    bool            `json:"read_only,omitempty"`
	Destructive bool            `json:"destructive,omitempty"`
	// Original is the digest of the definition as the server gave it.
	Original string `json:"original"`
}

// path is where a server's tools are kept.
func (l *link) path() string { return filepath.Join(l.options.Keep, l.server.Name+".json") }

// seen reads what was looked at under this configuration.
func (l *link) seen() (seen, error) {
	raw, err := os.ReadFile(l.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return seen{}, fmt.Errorf("MCP server %s: nobody has looked at its tools yet; minivess mcp refresh %s does", l.server.Name, l.server.Name)
	case err != nil:
		return seen{}, fmt.Errorf("MCP server %s: %w", l.server.Name, err)
	case len(raw) > maxSeen:
		return seen{}, fmt.Errorf("MCP server %s: %q is too large; minivess mcp refresh %s writes it anew", l.server.Name, l.path(), l.server.Name)
	}
	var s seen
	if err := json.Unmarshal(raw, &s); err != nil {
		return seen{}, fmt.Errorf("MCP server %s: %q cannot be read: %w; minivess mcp refresh %s writes it anew", l.server.Name, l.path(), err, l.server.Name)
	}
	if s.Digest != l.server.digest() {
		return seen{}, fmt.Errorf("MCP server %s: its configuration has changed; minivess mcp refresh %s looks at its tools again", l.server.Name, l.server.Name)
	}
	return s, nil
}

func (l *link) keep(s seen) error {
	raw, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("keeping the tools of MCP server %s: %w", l.server.Name, err)
	}
	if err := os.MkdirAll(l.options.Keep, 0o700); err != nil {
		return fmt.Errorf("keeping the tools of MCP server %s: %w", l.server.Name, err)
	}
	if err := atomicfile.WriteBytes(l.path(), 0o600, raw); err != nil {
		return fmt.Errorf("keeping the tools of MCP server %s: %w", l.server.Name, err)
	}
	return nil
}

// take makes what a server lists fit for the registry. The strings say what was
// left out.
func (l *link) take(list []*sdk.Tool) (kept []offered, left []string) {
	names := map[string]bool{}
	for _, t := range list {
		if len(l.server.Tools) > 0 && !slices.Contains(l.server.Tools, t.Name) {
			continue
		}
		o, err := l.offer(t)
		switch {
		case err != nil:
			left = append(left, fmt.Sprintf("%q: %v", tools.Plain(t.Name), err))
		case names[o.Name]:
			left = append(left, fmt.Sprintf("%q: another tool became %s too", tools.Plain(t.Name), o.Name))
		case len(kept) == maxTools:
			left = append(left, fmt.Sprintf("%q: %d tools of one server are the most", tools.Plain(t.Name), maxTools))
		default:
			names[o.Name] = true
			kept = append(kept, o)
		}
	}
	return kept, left
}

// unnameable is what a name in the registry cannot have.
var unnameable = regexp.MustCompile(`[^a-zA-Z0-9_-]`) //nolint:gochecknoglobals // a constant in all but name

func (l *link) offer(t *sdk.Tool) (offered, error) {
	o := offered{
		Name: l.server.Name + "__" + unnameable.ReplaceAllString(t.Name, "_"), Remote: t.Name, Original: definition(t),
		Title: clip(t.Title, maxTitle), Description: clip(t.Description, maxDescription),
	}
	if t.Name == "" || len(o.Name) > maxToolName {
		return o, fmt.Errorf("with the server's name it has more than %d characters, or none", maxToolName)
	}
	if a := t.Annotations; a != nil {
		o.ReadOnly = a.ReadOnlyHint
		o.Destructive = !a.ReadOnlyHint && a.DestructiveHint != nil && *a.DestructiveHint
		o.Title = cmp.Or(o.Title, clip(a.Title, maxTitle))
	}
	raw, err := json.Marshal(t.InputSchema)
	if err != nil {
		return o, fmt.Errorf("its input schema cannot be read: %w", err)
	}
	if len(raw) > maxSchema {
		return o, fmt.Errorf("its input schema has %d bytes, of which %d are the most", len(raw), maxSchema)
	}
	o.Input, err = plainSchema(raw)
	if err != nil {
		return o, err
	}
	// What cannot be registered is better left out when a person looks.
	return o, tools.RegisterDynamic(tools.NewRegistry(), l.tool(o))
}

// definition digests what a server says of a tool.
func definition(t *sdk.Tool) string {
	raw, err := json.Marshal(map[string]any{
		"name": t.Name, "description": t.Description, "input": t.InputSchema, "annotations": t.Annotations,
	})
	if err == nil {
		raw, err = tools.CanonicalJSON(raw)
	}
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// plainSchema makes a stranger's input schema an object's, takes out what names
// other documents, and makes its texts plain.
func plainSchema(raw json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var root map[string]any
	if err := dec.Decode(&root); err != nil {
		return nil, errors.New("its input schema is not an object")
	}
	if root == nil {
		root = map[string]any{}
	}
	if root["type"] == nil {
		root["type"] = "object"
	}
	delete(root, "$schema")
	delete(root, "$id")
	const deepest = 32
	if err := plainNode(root, deepest); err != nil {
		return nil, err
	}
	out, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("its input schema cannot be written: %w", err)
	}
	var s *jsonschema.Schema
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("its input schema cannot be read: %w", err)
	}
	return out, nil
}

func plainNode(v any, depth int) error {
	if depth == 0 {
		return errors.New("its input schema is nested too deep")
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if text, ok := e.(string); ok {
				v[i] = clip(text, maxDescription)
				continue
			}
			if err := plainNode(e, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, e := range v {
			text, ok := e.(string)
			switch {
			case !ok:
				if err := plainNode(e, depth-1); err != nil {
					return err
				}
			case key == "pattern":
				// Of another dialect: the server checks it itself.
				if _, err := regexp.Compile(text); err != nil {
					delete(v, key)
				}
			default:
				v[key] = clip(text, maxDescription)
			}
		}
	}
	return nil
}

func clip(s string, most int) string {
	s = tools.Plain(s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
