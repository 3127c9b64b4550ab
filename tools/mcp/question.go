package mcp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/minivess/minivess/tools"
)

// question is what was asked about one call. Clients of the newer protocol
// carry it to the person and back, so it is signed.
type question struct {
	Fingerprint string          `json:"fingerprint"` // of the call as the client made it
	Args        json.RawMessage `json:"args"`        // as they were shown, defaults filled in
	Shown       string          `json:"shown"`       // digest of what was shown
	At          time.Time       `json:"at"`
	// Until is when it can no longer be answered. No two questions of a server
	// have the same, so that the approvals made of two answers differ.
	Until time.Time `json:"until"`
}

var errNotMine = errors.New("not signed by this server")

func (s *Server) seal(q question) (string, error) {
	raw, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("writing down a question: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw) + "." + base64.RawURLEncoding.EncodeToString(s.sign(raw)), nil
}

func (s *Server) unseal(state string) (question, error) {
	text, signature, _ := strings.Cut(state, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return question{}, errNotMine
	}
	mac, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(mac, s.sign(raw)) {
		return question{}, errNotMine
	}
	var q question
	if err := json.Unmarshal(raw, &q); err != nil {
		return question{}, errNotMine
	}
	return q, nil
}

func (s *Server) sign(raw []byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(raw)
	return mac.Sum(nil)
}

// digest names what a person was shown: what would happen and what would be
// written. Estimates of cost may differ from one moment to the next.
func digest(p tools.Preview) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q\n%q\n%q\n%t\n%q\n%q", p.Summary, p.Args, p.Writes, p.Irreversible, p.Reads, p.Ruling.Unnamed()))
	return hex.EncodeToString(sum[:])
}

// ask words a question. Everything in it that comes from outside is made
// plain, and its length is bounded, so that nothing can push what matters out
// of sight.
func ask(client string, d tools.Descriptor, p tools.Preview) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s wants minivess to run %s:\n%s\n", client, d.Name, clip(p.Summary))
	fmt.Fprintf(&b, "Arguments: %s\n", clip(string(p.Args)))
	if cost := costOf(p.Cost); cost != "" {
		fmt.Fprintf(&b, "Cost: %s\n", cost)
	}
	const most = 8
	verb := "Writes"
	if d.Effect == tools.Destroy {
		verb = "Touches"
	}
	for i, w := range p.Writes {
		if i == most {
			fmt.Fprintf(&b, "… and %d more\n", len(p.Writes)-most)
			break
		}
		fmt.Fprintf(&b, "%s: %s\n", verb, clip(w))
	}
	for _, path := range p.Ruling.Unnamed() {
		fmt.Fprintf(&b, "Reads, outside the project: %s\n", clip(path))
	}
	for _, n := range p.Notes[:min(len(p.Notes), most)] {
		fmt.Fprintf(&b, "Note: %s\n", clip(n))
	}
	if p.Irreversible {
		fmt.Fprintf(&b, "This cannot be undone. Type %s to confirm.", d.Name)
	} else {
		b.WriteString("Accept to run this once.")
	}
	return b.String()
}

func clip(s string) string {
	const most = 1000
	if runes := []rune(tools.Plain(s)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return tools.Plain(s)
}

func costOf(c tools.Cost) string {
	var parts []string
	if c.Seconds > 0 {
		parts = append(parts, "about "+tools.Duration(c.Seconds))
	}
	if c.MemoryBytes > 0 {
		parts = append(parts, tools.Bytes(c.MemoryBytes)+" of memory")
	}
	if c.DiskBytes > 0 {
		parts = append(parts, tools.Bytes(c.DiskBytes)+" on disk")
	}
	text := strings.Join(parts, ", ")
	if text != "" && c.Basis != "" {
		text += " (" + clip(c.Basis) + ")"
	}
	return text
}

// answerSchema is the form of a question: nothing to fill in but what has to
// be typed before something is destroyed.
func answerSchema(d tools.Descriptor, p tools.Preview) *jsonschema.Schema {
	form := &jsonschema.Schema{Type: "object", Properties: map[string]*jsonschema.Schema{}}
	if p.Irreversible {
		form.Properties[confirmField] = &jsonschema.Schema{
			Type: "string", Title: "Type " + d.Name, Description: "Type " + d.Name + " to confirm that this cannot be undone.",
		}
		form.Required = []string{confirmField}
	}
	return form
}
