package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/tools"
)

// File is where a policy may lie, and what people are told that it is called.
type File struct {
	Path string
	Name string
}

// Files are the policy files of a workspace (its .minivess folder) and of the
// person whose folder of settings is given; without one there is only the
// workspace's.
func Files(workspace, settings string) []File {
	out := []File{{Path: filepath.Join(workspace, FileName), Name: filepath.Join(filepath.Base(workspace), FileName)}}
	if settings != "" {
		p := filepath.Join(settings, "minivess", FileName)
		out = append(out, File{Path: p, Name: p})
	}
	return out
}

// Store is the policy in force: its files, read anew for every ruling, so that
// what somebody writes holds from the next call on. Catalogue, where it is set,
// lets names be checked.
type Store struct {
	Files     []File
	Catalogue func() []tools.Descriptor
}

// Load reads the files that there are. Any mistake in any of them is an error.
func (s *Store) Load() ([]*Sheet, error) {
	var sheets []*Sheet
	var errs []error
	for _, f := range s.Files {
		raw, err := read(f)
		if err == nil && raw == nil {
			continue
		}
		var sheet *Sheet
		if err == nil {
			sheet, err = Parse(f.Name, raw)
		}
		if err == nil && s.Catalogue != nil {
			err = sheet.Check(s.Catalogue())
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sheets = append(sheets, sheet)
	}
	return sheets, errors.Join(errs...)
}

// read returns nil for a file that is not there. A link to nowhere is there.
func read(f File) ([]byte, error) {
	if _, err := os.Lstat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	info, err := os.Stat(f.Path)
	if err == nil && !info.Mode().IsRegular() { // opening a pipe would wait for its other end
		err = errors.New("it is not a file")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(f.Path)
	}
	if err != nil {
		return nil, &Mistake{Where: f.Name, Message: fmt.Sprintf("cannot be read: %v", err), Hint: "make it readable, or take it away"}
	}
	defer file.Close() //nolint:errcheck // only read
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, &Mistake{Where: f.Name, Message: fmt.Sprintf("cannot be read: %v", err), Hint: "make it readable, or take it away"}
	}
	return append([]byte{}, raw...), nil
}

// Rule implements tools.Ruler by all files: the strictest ruling stands. While
// a file cannot be read, nothing but reading goes on.
func (s *Store) Rule(ctx context.Context, d tools.Descriptor, c tools.Call, preview func() (tools.Preview, error)) tools.Ruling {
	sheets, err := s.Load()
	if err != nil {
		if d.Effect == tools.Read {
			return tools.Ruling{}
		}
		return tools.Ruling{Verdict: tools.Deny, By: "the policy, which cannot be read", Reason: err.Error(), Hint: "mend the file; reading goes on meanwhile"}
	}
	f := factsOf(ctx, d, c, preview)
	var out tools.Ruling
	for _, sheet := range sheets {
		out = tools.Stricter(out, sheet.judge(f))
	}
	return out
}

// Limits are the tightest of all files.
func (s *Store) Limits() (tools.Limits, error) {
	sheets, err := s.Load()
	if err != nil {
		return tools.Limits{}, err
	}
	var out tools.Limits
	var by []string
	for _, sheet := range sheets {
		l := sheet.Limits
		if !l.Thread.Set() && !l.Day.Set() {
			continue
		}
		out.Thread, out.Day = tighter(out.Thread, l.Thread), tighter(out.Day, l.Day)
		by = append(by, l.By)
	}
	out.By = strings.Join(by, " and ")
	return out, nil
}

func tighter(a, b tools.Limit) tools.Limit {
	return tools.Limit{Launches: least(a.Launches, b.Launches), Seconds: least(a.Seconds, b.Seconds), Bytes: least(a.Bytes, b.Bytes)}
}

func least[T int64 | float64](a, b *T) *T {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// Paths are what the files say of folders outside the project. Each file that
// says anything has to grant a folder.
func (s *Store) Paths() ([]Paths, error) {
	sheets, err := s.Load()
	if err != nil {
		return nil, err
	}
	var out []Paths
	for _, sheet := range sheets {
		if sheet.Paths != nil {
			out = append(out, *sheet.Paths)
		}
	}
	return out, nil
}

// Check compares the names in a sheet with the tools that there are: a name
// that is nearly one of theirs, an argument that none of a rule's tools has, and
// a tool that destroys among those allowed are mistakes. Names that are like
// nothing known may be tools of other programs.
func (s *Sheet) Check(catalogue []tools.Descriptor) error {
	var errs []error
	names := make([]string, len(catalogue))
	for i, d := range catalogue {
		names[i] = d.Name
	}
	for _, r := range s.Rules {
		fail := func(hint, format string, args ...any) {
			errs = append(errs, &Mistake{Where: fmt.Sprintf("%s:%d", s.Name, r.Line), Message: fmt.Sprintf(format, args...), Hint: hint})
		}
		for _, p := range r.Tools {
			i := slices.Index(names, p.text)
			switch {
			case !p.literal() || p.except && i >= 0:
			case i < 0 && tools.Nearest(p.text, names) != "":
				fail(tools.DidYouMean(p.text, names, "tools"), "there is no tool %q", p.text)
			case i >= 0 && r.Verdict == tools.Allow && catalogue[i].Effect == tools.Destroy:
				fail(destroyAdvice, "%s destroys, and nothing that destroys can be allowed by a rule", p.text)
			}
		}
		arguments, found := r.arguments(catalogue)
		for _, c := range r.Args {
			if head, _, _ := strings.Cut(c.key, "."); found && !slices.Contains(arguments, head) && !slices.Contains(arguments, c.key) {
				fail(tools.DidYouMean(c.key, arguments, "arguments"), "none of the rule's tools has an argument %q", c.key)
			}
		}
	}
	return errors.Join(errs...)
}

// arguments are those of all tools that a rule is about, and whether there are
// such tools.
func (r Rule) arguments(catalogue []tools.Descriptor) (names []string, found bool) {
	for _, d := range catalogue {
		if !r.Tools.fit(d.Name) || !r.Family.fit(d.Family) || len(r.Effects) > 0 && !slices.Contains(r.Effects, d.Effect) {
			continue
		}
		found = true
		if d.Input == nil {
			continue
		}
		for key := range d.Input.Properties {
			if !slices.Contains(names, key) {
				names = append(names, key)
			}
		}
	}
	slices.Sort(names)
	return names, found
}
