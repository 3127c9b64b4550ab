package weights

import (
	"strings"
)

// prefixes are what wrappers put before every name: DataParallel, torch.compile,
// Lightning modules and hand-written classes with one network inside.
func prefixes() []string {
	return []string{
		"module.", "_orig_mod.", "net.", "network.", "model.", "_model.", "_forward_module.", "_fsdp_wrapped_module.", "student.",
	}
}

// stripPrefixes takes off what all names have in common, as far as the options
// want it.
func (f *File) stripPrefixes() {
	if f.options.KeepPrefixes || len(f.items) == 0 {
		return
	}
	wanted := make(map[string]bool, len(f.options.Names))
	for _, name := range f.options.Names {
		wanted[name] = true
	}
	cut, best := 0, f.matching(wanted, 0)
	for at := 0; ; {
		n := f.common(at)
		if n == 0 {
			break
		}
		at += n
		if found := f.matching(wanted, at); len(wanted) == 0 || found > best {
			cut, best = at, found
		}
	}
	if cut == 0 {
		return
	}
	f.prefix = f.items[0].Name[:cut]
	f.note("the prefix %q was taken off all names", f.prefix)
	f.index = make(map[string]int, len(f.items))
	for i := range f.items {
		f.items[i].Name = f.items[i].Name[cut:]
		f.index[f.items[i].Name] = i
	}
}

// matching counts the names that are wanted once at bytes are cut off.
func (f *File) matching(wanted map[string]bool, at int) int {
	n := 0
	for _, x := range f.items {
		if wanted[x.Name[at:]] {
			n++
		}
	}
	return n
}

// common is the length of a prefix that all names have after at bytes, 0 when
// there is none.
func (f *File) common(at int) int {
	for _, p := range prefixes() {
		all := true
		for _, x := range f.items {
			rest := x.Name[at:]
			if !strings.HasPrefix(rest, p) || len(rest) == len(p) {
				all = false
				break
			}
		}
		if all {
			return len(p)
		}
	}
	return 0
}
