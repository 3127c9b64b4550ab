package graph

import (
	"fmt"
	"strconv"
	"strings"
)

// Mermaid draws the graph as a Mermaid flowchart. Equal shapes give equal
// text. Branches are dotted, what is sent is thick, nodes that write are
// hexagons, and subgraphs are drawn inside of their node.
func (s Shape) Mermaid() string {
	m := &mermaid{}
	m.line(0, "flowchart TD")
	m.graph(s, "n", 1)
	return m.out.String()
}

type mermaid struct{ out strings.Builder }

func (m *mermaid) line(depth int, format string, args ...any) {
	m.out.WriteString(strings.Repeat("    ", depth))
	fmt.Fprintf(&m.out, format, args...)
	m.out.WriteByte('\n')
}

// graph draws one level. Names become numbered identifiers below prefix, so
// that no name can break the syntax.
func (m *mermaid) graph(s Shape, prefix string, depth int) {
	ids := map[string]string{End: prefix + "_end"}
	m.line(depth, `%s_start(["start"])`, prefix)
	for i, n := range s.Nodes {
		id := prefix + strconv.Itoa(i)
		ids[n.Name] = id
		switch {
		case n.Inner != nil:
			m.line(depth, "subgraph %s[%s]", id, quoted(n.Name))
			m.graph(*n.Inner, id+"_", depth+1)
			m.line(depth, "end")
		case n.Writes:
			m.line(depth, "%s{{%s}}", id, quoted(n.Name))
		default:
			m.line(depth, "%s[%s]", id, quoted(n.Name))
		}
	}
	m.line(depth, `%s_end(["end"])`, prefix)
	m.line(depth, "%s_start --> %s", prefix, ids[s.Entry])
	for _, e := range s.Edges {
		m.line(depth, "%s %s %s", ids[e.From], arrow(e), ids[e.To])
	}
}

func arrow(e EdgeShape) string {
	switch e.Kind {
	case EdgeBranch:
		return "-.->"
	case EdgeGoto:
		return `-. "goto" .->`
	case EdgeSend:
		return fmt.Sprintf(`== "up to %d" ==>`, e.Most)
	default:
		return "-->"
	}
}

// quoted is a label that holds any text: Mermaid knows no escapes but
// entities.
func quoted(label string) string {
	var b strings.Builder
	for _, r := range label {
		if r < ' ' || strings.ContainsRune("\"#<>&`;", r) || r >= 0x7f && r < 0xa0 {
			fmt.Fprintf(&b, "#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}
