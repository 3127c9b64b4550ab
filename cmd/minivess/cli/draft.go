package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"
)

// draftLines is how many lines of an answer are seen while it is written: few
// enough for every terminal, because what has scrolled away cannot be erased.
const draftLines = 5

// draftText is how much of its end is kept for that.
const draftText = 4096

// draft is the end of an answer on the terminal while the model writes it. It
// is erased before anything else is said.
type draft struct {
	out   io.Writer
	width int
	text  string
	shown []string
}

// erases says whether what is written to Err can be taken back: a person
// watches it, on a terminal that can move its cursor and dim.
func (s Streams) erases() bool {
	if f, ok := s.Err.(*os.File); ok && !term.IsTerminal(int(f.Fd())) {
		return false
	}
	return s.Terminal && s.Getenv("NO_COLOR") == "" && s.Getenv("TERM") != "dumb"
}

// hear shows what comes next; lost parts before it are an ellipsis.
func (d *draft) hear(text string, lost int) {
	if lost > 0 {
		d.text += "…"
	}
	d.text += printable(text)
	if over := len(d.text) - draftText; over > 0 {
		d.text = strings.ToValidUTF8(d.text[over:], "")
	}
	const margin = "      "
	lines := strings.Split(ansi.Wrap(strings.TrimSpace(d.text), max(d.width-len(margin)-1, 8), ""), "\n")
	lines = lines[max(0, len(lines)-draftLines):]
	if slices.Equal(lines, d.shown) || len(lines) == 1 && lines[0] == "" {
		return
	}
	var b strings.Builder
	b.WriteString(d.up())
	for _, line := range lines {
		fmt.Fprintf(&b, "\x1b[2m%s%s\x1b[0m\x1b[K\n", margin, line)
	}
	b.WriteString("\x1b[J")
	d.shown = lines
	_, _ = io.WriteString(d.out, b.String())
}

// erase takes everything back. A nil draft has nothing to take back.
func (d *draft) erase() {
	if d == nil {
		return
	}
	if len(d.shown) > 0 {
		_, _ = io.WriteString(d.out, d.up()+"\x1b[J")
	}
	d.text, d.shown = "", nil
}

// up puts the cursor where the draft begins.
func (d *draft) up() string {
	if len(d.shown) == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\r", len(d.shown))
}
