package traces

import (
	"regexp"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

const masked = "[redacted]"

// cleaner decides what of a span may be written: no secrets ever, no content
// unless asked for, and none of the bare keys that Langfuse would mistake for
// the observation's own input, output, model or prompt.
type cleaner struct {
	content bool
	secrets *strings.Replacer
	tokens  *regexp.Regexp
}

func newCleaner(content bool, secrets []string) *cleaner {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, masked)
		}
	}
	return &cleaner{
		content: content,
		secrets: strings.NewReplacer(pairs...),
		// Bearer and Basic credentials, vendors' key formats, private keys,
		// JSON web tokens, passwords in addresses and key=value settings.
		tokens: regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+[a-z0-9._~+/=-]{8,}` +
			`|\b(?:sk|pk|rk)-[a-z0-9_-]{12,}` +
			`|\b(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|AKIA|ASIA)[a-z0-9_-]{12,}` +
			`|\beyJ[a-z0-9_-]{8,}\.[a-z0-9_-]{8,}\.[a-z0-9_-]*` +
			`|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)` +
			`|://[^/\s:@]+:[^/\s@]+@` +
			`|\b(?:api[_-]?key|access[_-]?key|auth[_-]?token|password|passwd|secret)["']?\s*[:=]\s*["']?[^\s"',;&]{3,}`),
	}
}

// attributes returns what may be written of attrs, in their order.
func (c *cleaner) attributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(attrs))
	for _, kv := range attrs {
		switch {
		case bare(kv.Key), !c.content && isContent(kv.Key):
		case secretKey(string(kv.Key)) && textual(kv.Value):
			out = append(out, attribute.String(string(kv.Key), masked))
		default:
			out = append(out, attribute.KeyValue{Key: kv.Key, Value: c.value(kv.Value)})
		}
	}
	return out
}

func (c *cleaner) value(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(c.text(v.AsString()))
	case attribute.STRINGSLICE:
		list := v.AsStringSlice()
		for i, s := range list {
			list[i] = c.text(s)
		}
		return attribute.StringSliceValue(list)
	case attribute.SLICE:
		list := v.AsSlice()
		for i, e := range list {
			list[i] = c.value(e)
		}
		return attribute.SliceValue(list...)
	case attribute.MAP:
		return attribute.MapValue(c.attributes(v.AsMap())...)
	default:
		return v
	}
}

// text masks secrets, and makes the text valid UTF-8 as JSON requires.
func (c *cleaner) text(s string) string {
	s = c.secrets.Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return c.tokens.ReplaceAllString(s, masked)
}

func textual(v attribute.Value) bool {
	switch v.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return false
	default:
		return true
	}
}

// bare tells keys that Langfuse reads before the ones that are meant.
func bare(key attribute.Key) bool {
	switch key {
	case "input", "output", "model", "prompt", "":
		return true
	default:
		return false
	}
}

// isContent tells keys whose values are what people and models said, or what
// tools were given and gave back.
func isContent(key attribute.Key) bool {
	switch key {
	case KeyInput, KeyOutput, KeyTraceInput, KeyTraceOutput, KeyStatusMessage,
		KeyInputMessages, KeyOutputMessages, KeySystemInstruction,
		KeyToolArguments, KeyToolResult, KeyToolDefinitions, "input.value", "output.value":
		return true
	default:
		return false
	}
}

// secretKey tells keys whose texts are never to be written. Counts of tokens
// are numbers and pass.
func secretKey(key string) bool {
	key = strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(key))
	last := key[strings.LastIndexByte(key, '.')+1:]
	for _, s := range []string{"password", "passwd", "secret", "api_key", "apikey", "access_key", "private_key", "authorization", "credential", "cookie"} {
		if strings.Contains(last, s) {
			return true
		}
	}
	return last == "token" || strings.HasSuffix(last, "_token")
}
