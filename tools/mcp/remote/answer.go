package remote

import (
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/minivess/minivess/tools"
)

// answer makes what a stranger said safe to keep: plain, bounded and marked.
func (l *link) answer(o offered, res *sdk.CallToolResult) Answer {
	a := Answer{Server: l.server.Name, Tool: tools.Plain(o.Remote), Notice: notice}
	room := l.server.MaxOutputBytes
	var text strings.Builder
	for _, c := range res.Content {
		if len(a.Other) == maxOther {
			a.Truncated = true
			break
		}
		said, other := words(c)
		if other != "" {
			a.Other = append(a.Other, other)
			continue
		}
		if said = tools.PlainLines(said); text.Len() > 0 {
			said = "\n" + said
		}
		if len(said) > room {
			said, a.Truncated = strings.ToValidUTF8(said[:room], ""), true
		}
		room -= len(said)
		text.WriteString(said)
	}
	a.Text = text.String()
	if res.StructuredContent != nil {
		a.structured(res.StructuredContent, room)
	}
	a.Summary = fmt.Sprintf("%s of MCP server %s answered: %s", a.Tool, a.Server, a.gist())
	return a
}

// maxOther is how many parts that are not text are named.
const maxOther = 32

// structured keeps data if they fit beside the text, or instead of it.
func (a *Answer) structured(v any, room int) {
	raw, err := json.Marshal(v)
	if err != nil {
		return
	}
	if len(raw) <= room {
		a.Structured = tools.PlainJSON(raw)
		return
	}
	a.Truncated = true
}

// words is the text of a part, or what the part is instead.
func words(c sdk.Content) (text, other string) {
	switch c := c.(type) {
	case *sdk.TextContent:
		return c.Text, ""
	case *sdk.EmbeddedResource:
		if c.Resource != nil && c.Resource.Text != "" {
			return c.Resource.Text, ""
		}
		return "", "an embedded resource"
	case *sdk.ImageContent:
		return "", fmt.Sprintf("a picture (%s, %s)", clip(c.MIMEType, 40), tools.Bytes(int64(len(c.Data))))
	case *sdk.AudioContent:
		return "", fmt.Sprintf("a sound (%s, %s)", clip(c.MIMEType, 40), tools.Bytes(int64(len(c.Data))))
	case *sdk.ResourceLink:
		return "", "a link to " + clip(c.URI, 200)
	}
	return "", "something unknown"
}

// gist is the beginning of what was said, quoted, or how much there is.
func (a *Answer) gist() string {
	const most = 120
	first, rest, _ := strings.Cut(strings.TrimSpace(a.Text), "\n")
	switch {
	case a.Text == "" && len(a.Structured) == 0 && len(a.Other) == 0:
		return "nothing"
	case a.Text == "":
		return tools.Bytes(int64(len(a.Structured))) + " of data"
	case rest == "" && len(first) <= most:
		return fmt.Sprintf("%q", first)
	}
	return fmt.Sprintf("%q and so on, %s", clip(first, most), tools.Bytes(int64(len(a.Text))))
}
