package mcp

import (
	"encoding/json"
	"errors"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// metaError is where a failed result carries its error for programs. It is not
// structured content, because clients hold that against the tool's schema.
const metaError = "minivess/error"

// metaNotice is where a result says in words that it is data.
const metaNotice = "minivess/notice"

// maxText is how many bytes of a result are repeated as text, for clients that
// do not read structured content.
const maxText = 64 << 10

// success is a result as clients see it: the typed value, one line for a
// person, and the value once more as text for clients of the older protocol.
func success(res tools.Result) *sdk.CallToolResult {
	value := tools.PlainJSON(res.Value)
	text := tools.AsData(string(value))
	if len(text) > maxText {
		text = "(the value is in the structured content: it is too long to repeat here)"
	}
	return &sdk.CallToolResult{
		Content: []sdk.Content{
			&sdk.TextContent{Text: tools.AsData(tools.PlainLines(res.Summary))},
			&sdk.TextContent{Text: text, Annotations: &sdk.Annotations{Audience: []sdk.Role{"assistant"}}},
		},
		StructuredContent: value,
		Meta:              sdk.Meta{metaData: true, metaNotice: tools.DataNotice},
	}
}

// failure is an error as clients see it: code, message and the way on, in words
// for a model and as an object for a program.
func failure(err error) *sdk.CallToolResult {
	e := tools.AsError(err)
	if e == nil {
		e = tools.AsError(errors.New("nothing came back"))
	}
	var b strings.Builder
	b.WriteString(string(e.Code) + ": " + tools.PlainLines(e.Message))
	if e.Hint != "" {
		b.WriteString("\n" + tools.PlainLines(e.Hint))
	}
	if len(e.Candidates) > 0 && !strings.Contains(e.Message+e.Hint, e.Candidates[0]) {
		b.WriteString("\nthere is: " + tools.PlainLines(strings.Join(e.Candidates, ", ")))
	}
	res := &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: b.String()}}}
	if raw, err := json.Marshal(e); err == nil {
		res.Meta = sdk.Meta{metaError: tools.PlainJSON(raw)}
	}
	return res
}
