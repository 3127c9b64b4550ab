// Package sandbox says which files tools may read and write: it resolves the
// paths in a call's arguments, links included, and rules on those that lie
// outside of where the work is. What else may be done is up to package policy.
//
// The danger that it is made for is text: something that a language model read
// and that talks it into naming a file. No tool makes links, and a program that
// runs with the person's own rights needs no tool to reach their files; so a
// path is resolved right before the tool runs, and not held open.
package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrForbidden is wrapped by every refusal of a path, whoever names it.
var ErrForbidden = errors.New("no tool may touch it")

// Grant are folders outside the project that one policy opens.
type Grant struct {
	Read  []string
	Write []string
}

// Roots are the folders within which tools work. Relative paths start at
// Working.
type Roots struct {
	Project   string // the folder that holds the workspace
	Workspace string // its .minivess folder
	Working   string // where the program was started
	Grants    []Grant
}

// Resolve returns what an absolute path really names: without . and .. and with
// every symbolic link followed. What is not there yet is resolved as far as
// there is something.
func Resolve(path string) (string, error) {
	if strings.ContainsRune(path, 0) {
		return "", fmt.Errorf("%q: %w: a name cannot hold a zero byte", path, ErrForbidden)
	}
	path = filepath.Clean(path)
	rest := ""
	for {
		target, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(target, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%q: %w: %w", path, ErrForbidden, err)
		}
		if st, lerr := os.Lstat(path); lerr == nil && st.Mode()&fs.ModeSymlink != 0 {
			return "", fmt.Errorf("%q: %w: it is a link to something that is not there", path, ErrForbidden)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", fmt.Errorf("%q: %w: %w", path, ErrForbidden, err)
		}
		path, rest = parent, filepath.Join(filepath.Base(path), rest)
	}
}

// Place is what a path is to the sandbox.
type Place struct {
	Path   string // absolute, as it was named
	Real   string // with links resolved
	Inside bool   // in a folder that is open for the access
}

// Look resolves a path and says whether it is open for reading or writing. The
// error wraps ErrForbidden where it is open to nobody.
func (r Roots) Look(path string, write bool) (Place, error) {
	p := Place{Path: filepath.Clean(path)}
	whole := path
	if !filepath.IsAbs(path) {
		if !filepath.IsAbs(r.Working) {
			return p, fmt.Errorf("%q: %w: there is no folder that relative paths start at", path, ErrForbidden)
		}
		p.Path, whole = filepath.Join(r.Working, path), r.Working+string(filepath.Separator)+path
	}
	var err error
	if p.Real, err = Resolve(p.Path); err != nil {
		return p, err
	}
	if err := unambiguous(whole); err != nil {
		return p, err
	}
	if err := r.forbidden(p); err != nil {
		return p, err
	}
	p.Inside = slices.ContainsFunc(r.base(), func(root string) bool { return within(p.Real, root) }) || r.granted(p.Real, write)
	if p.Inside {
		err = confirm(p.Real)
	}
	return p, err
}

// unambiguous refuses .. behind a link to a folder: read as text it goes back
// to where the link is, and the system goes to above where the link leads.
func unambiguous(path string) error {
	parts := strings.Split(path, string(filepath.Separator))
	for i, part := range parts {
		if part != ".." {
			continue
		}
		before := filepath.Clean(strings.Join(parts[:i], string(filepath.Separator)) + string(filepath.Separator))
		target, err := Resolve(before)
		if err != nil {
			return err
		}
		above, err := Resolve(filepath.Dir(before))
		if err != nil {
			return err
		}
		if filepath.Dir(target) != above {
			return fmt.Errorf("%q: %w: it goes back from a link, which could mean two places; write it out", path, ErrForbidden)
		}
	}
	return nil
}

// base are the folders that are open for reading and writing. Being started in
// the root of the disk opens nothing.
func (r Roots) base() []string {
	var out []string
	for _, root := range []string{r.Project, r.Workspace, r.Working} {
		if !filepath.IsAbs(root) {
			continue
		}
		if target, err := Resolve(root); err == nil && target != string(filepath.Separator) {
			out = append(out, target)
		}
	}
	return out
}

// granted reports whether every policy that grants anything grants this.
func (r Roots) granted(path string, write bool) bool {
	for _, g := range r.Grants {
		folders := g.Write
		if !write {
			folders = slices.Concat(g.Read, g.Write)
		}
		open := slices.ContainsFunc(folders, func(folder string) bool {
			root, err := Resolve(folder)
			return err == nil && root != string(filepath.Separator) && within(path, root)
		})
		if !open {
			return false
		}
	}
	return len(r.Grants) > 0
}

// within reports whether a resolved path is root or lies below it.
func within(path, root string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

// confirm looks at a resolved path once more, from its parent that is there,
// without following links: between resolving and looking, none came in.
func confirm(path string) error {
	parent, name := filepath.Split(path)
	root, err := os.OpenRoot(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%q: %w: %w", path, ErrForbidden, err)
	}
	defer root.Close() //nolint:errcheck // only looked at
	if st, err := root.Lstat(filepath.Clean(name)); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%q: %w: it became a link while it was looked at", path, ErrForbidden)
	}
	return nil
}

// Open lists the folders that are open for reading and for writing, for a
// person to look at.
func (r Roots) Open() (read, write []string) {
	read = r.base()
	write = slices.Clone(read)
	for _, g := range r.Grants {
		for _, folder := range slices.Concat(g.Read, g.Write) {
			if target, err := Resolve(folder); err == nil && r.granted(target, false) && !slices.Contains(read, target) {
				read = append(read, target)
			}
		}
		for _, folder := range g.Write {
			if target, err := Resolve(folder); err == nil && r.granted(target, true) && !slices.Contains(write, target) {
				write = append(write, target)
			}
		}
	}
	slices.Sort(read)
	slices.Sort(write)
	return slices.Compact(read), slices.Compact(write)
}
