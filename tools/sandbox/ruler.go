package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/tools"
)

// by is who rules, in errors and notes.
const by = "the path sandbox"

// unnamed stands for the argument where none names what is read, but a file
// that one names does.
const unnamed = "what it reads"

// Ruler rules on the files that calls name. Roots is asked anew every time; an
// error counts as that nothing outside the project is open.
type Ruler struct {
	Roots func() (Roots, error)
}

// Rule implements tools.Ruler. Writing outside of the folders that are open is
// denied. Reading there is shown and asked about, unless a person typed the
// very call and the path in it; a general yes covers what the built-in planner
// read in a sentence, and nothing that a language model or another program came
// up with.
func (s Ruler) Rule(ctx context.Context, d tools.Descriptor, c tools.Call, preview func() (tools.Preview, error)) tools.Ruling {
	files, err := tools.PathArguments(d, c.Args)
	if err != nil {
		return tools.Ruling{} // the tool will say what is wrong with its arguments
	}
	if !names(d) {
		return tools.Ruling{}
	}
	roots, err := s.Roots()
	if err != nil {
		roots.Grants = nil
	}
	if p, err := preview(); err == nil {
		if more, err := tools.PathArguments(d, p.Args); err == nil {
			files = append(files, more...)
		}
		for _, path := range p.Reads {
			files = append(files, tools.PathArgument{Key: unnamed, Value: path})
		}
		for _, w := range p.Writes {
			if filepath.IsAbs(w) && !roots.own(w) {
				files = append(files, tools.PathArgument{Key: "what it writes", Value: w, Write: true})
			}
		}
	}
	return roots.judge(tools.OriginFrom(ctx).Source, files)
}

// own reports whether a path lies in the workspace, where a tool's own records
// are. Which path is written there is the tool's choice; what a caller chooses
// is among the arguments.
func (r Roots) own(path string) bool {
	return r.Workspace != "" && within(filepath.Clean(path), filepath.Clean(r.Workspace))
}

// names reports whether a tool has arguments that name files.
func names(d tools.Descriptor) bool {
	if d.Input == nil {
		return false
	}
	for _, p := range d.Input.Properties {
		if p != nil && p.Items != nil {
			p = p.Items
		}
		if p != nil && slices.Contains([]string{tools.FormatRead, tools.FormatWrite, tools.FormatSettings}, p.Format) {
			return true
		}
	}
	return false
}

func (r Roots) judge(source tools.Source, files []tools.PathArgument) tools.Ruling {
	var out tools.Ruling
	seen := map[string]bool{}
	for _, f := range files {
		if !f.Write && !r.isFile(f.Value) {
			continue
		}
		p, err := r.Look(f.Value, f.Write)
		mark := fmt.Sprintf("%t %s", f.Write, p.Real)
		if err == nil && seen[mark] {
			continue
		}
		seen[mark] = true
		switch {
		case err != nil:
			out = tools.Stricter(out, tools.Ruling{Verdict: tools.Deny, By: by, Reason: tools.Plain(fmt.Sprintf("%s: %v", f.Key, err))})
		case !p.Inside:
			out = tools.Stricter(out, outside(source, f, p))
		}
	}
	return out
}

// outside rules on a path that is in no open folder.
func outside(source tools.Source, f tools.PathArgument, p Place) tools.Ruling {
	where := fmt.Sprintf("%q", p.Path)
	if p.Real != p.Path {
		where += fmt.Sprintf(", which is %q,", p.Real)
	}
	if f.Write {
		return tools.Ruling{
			Verdict: tools.Deny, By: by, Reason: fmt.Sprintf("%s: %s lies outside the project", f.Key, where),
			Hint: fmt.Sprintf("write below the project's folder, or open the folder in .minivess/policy.yaml: paths: {write: [%q]}", filepath.Dir(p.Real)),
		}
	}
	r := tools.Ruling{Notes: []string{fmt.Sprintf("it reads %s outside the project", where)}}
	if f.Key == unnamed {
		r.Reads = []string{p.Real}
	}
	if source != tools.SourceCLI || f.Key == unnamed {
		r.Verdict, r.By, r.Person = tools.Ask, by, source != tools.SourcePlanner && source != tools.SourceCLI
		r.Reason = fmt.Sprintf("%s: %s lies outside the project", f.Key, where)
	}
	return r
}

// isFile tells files from the names of runs and volumes that may stand in their
// place: by how they are written, or because they are there.
func (r Roots) isFile(text string) bool {
	if strings.ContainsRune(text, filepath.Separator) || text == ".." {
		return true
	}
	_, err := os.Lstat(filepath.Join(r.Working, text))
	return err == nil
}
