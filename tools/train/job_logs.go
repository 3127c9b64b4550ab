package train

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/resolve"
)

//go:embed job_logs.md
var logsDoc string

// maxLog is how much of the end of a log is read at most, in bytes.
const maxLog = 1 << 20

// LogsIn names a run.
type LogsIn struct {
	Run  string `json:"run" jsonschema:"which run: an id or its prefix, a name, latest, …"`
	Tail int    `json:"tail" jsonschema:"number of lines from the end" default:"50" minimum:"1" maximum:"2000"`
}

// LogsOut is the end of the worker's log, without control characters.
type LogsOut struct {
	tools.Line
	Run   string   `json:"run" jsonschema:"id of the run"`
	Why   string   `json:"why" jsonschema:"why it is this run"`
	Lines []string `json:"lines" jsonschema:"the last lines, oldest first"`
}

type jobLogs struct{ Deps }

func (jobLogs) Spec() tools.Spec {
	return tools.Spec{Name: "job_logs", Family: family, Effect: tools.Read, Doc: logsDoc}
}

func (t jobLogs) Preview(ctx context.Context, in LogsIn) (tools.Preview, error) {
	p, _, err := resolve.PreviewRun(ctx, t.Workspace, in.Run, "show the log of")
	return p, err
}

func (t jobLogs) Run(_ context.Context, in LogsIn, _ func(tools.Progress)) (LogsOut, error) {
	picked, err := resolve.Run(t.Workspace, in.Run)
	if err != nil {
		return LogsOut{}, err
	}
	lines, err := tailOf(filepath.Join(picked.Run.Dir, runs.WorkerLog), in.Tail)
	if err != nil {
		return LogsOut{}, asError(err)
	}
	out := LogsOut{Run: picked.Run.ID(), Why: picked.Why, Lines: lines}
	out.Summary = fmt.Sprintf("%s: last %s of its log", picked.Label(), tools.Count(len(lines), "line"))
	if len(lines) == 0 {
		out.Summary = picked.Label() + ": its worker has written nothing to the log"
	}
	return out, nil
}

// tailOf returns the last n lines of a file, made safe to show. A file that is
// not there has none.
func tailOf(path string, n int) (lines []string, err error) {
	lines = []string{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lines, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-maxLog)
	b, err := io.ReadAll(io.NewSectionReader(f, from, maxLog))
	if err != nil {
		return nil, err
	}
	if from > 0 { // the first line is cut
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	for line := range strings.SplitSeq(strings.TrimRight(string(b), "\r\n"), "\n") {
		// A carriage return redraws the line: only what is seen last counts.
		line = strings.TrimRight(line, "\r")
		line = line[strings.LastIndex(line, "\r")+1:]
		lines = append(lines, tools.Plain(line))
	}
	if len(lines) == 1 && lines[0] == "" {
		return lines[:0], nil
	}
	return lines[max(0, len(lines)-n):], nil
}
