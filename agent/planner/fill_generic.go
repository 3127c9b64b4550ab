package planner

import (
	"fmt"
	"slices"
	"strings"
)

// generic fills a tool from its schema alone: runs and datasets by reference,
// numbers by their own names, choices by their words.
func (r *reader) generic(d *draft, items []item, info toolInfo) bool {
	for _, p := range info.names {
		switch p {
		case "run", "runs", "dataset", NeedsKey:
			continue
		}
		r.genericParam(d, items, p, info.params[p])
	}
	if slices.Contains(info.required, "dataset") {
		r.bareDataset(items)
		if !r.needDataset(d, items) {
			return false
		}
	} else if _, ok := info.params["dataset"]; ok {
		r.optionalDataset(d, items)
	}
	if _, ok := info.params["runs"]; ok {
		r.fillRunList(d, items)
	}
	if _, ok := info.params["run"]; ok && !r.fillRun(d, items) {
		return false
	}
	return r.required(d, info)
}

// bareDataset makes a name that stands anywhere a dataset, if no other is
// mentioned: "denoise toy".
func (r *reader) bareDataset(items []item) {
	for _, c := range []class{cDataset, cDataRef, cRef} {
		if _, ok := first(items, c); ok {
			return
		}
	}
	for i := range items {
		if name := r.lex.nameAt([]token{items[i].tok}, 0); name != "" && items[i].mention == nil && !items[i].used && (len(r.known.Datasets) == 0 || i == len(items)-1 && i < 3 || marked(items[i].tok)) {
			items[i].mention = &mention{class: cDataset, text: name, rule: "a name"}
			return
		}
	}
}

// genericParam looks for one argument.
func (r *reader) genericParam(d *draft, items []item, name string, p param) {
	if v, ok := enumValue(items, name, p.choices()); ok {
		r.set(d, name, v, items)
		return
	}
	if p.Type == "integer" || p.Type == "number" {
		v, ok := r.numberParam(items, name, p.Type == "integer")
		v.list = nil
		r.setIf(d, name, v, ok, items)
		return
	}
	switch name {
	case "volume":
		v, ok := r.volumeValue(items)
		r.setIf(d, name, v, ok, items)
	case "name":
		v, ok := spokenName(items)
		r.setIf(d, name, v, ok, items)
	case "path", "input", "output":
		if i, ok := first(items, cPath); ok {
			r.set(d, name, value{v: clean(items[i].tok.text), from: i, to: i + 1, rule: "path"}, items)
		}
	case "metric", "split", "state", "model":
		if i, ok := first(items, class(name)); ok {
			r.set(d, name, mentioned(items, i), items)
		}
	}
}

// numberParam looks for a numeric argument: by the table of slots, else by its
// own name.
func (r *reader) numberParam(items []item, name string, whole bool) (value, bool) {
	if name == "alpha" {
		return errorRate(items)
	}
	if v, ok := r.numeric(items, name); ok {
		return v, true
	}
	if name == "port" {
		for i := range items {
			if n := items[i].tok.num; items[i].is(cNumber) && !items[i].used && n >= 80 && n < 65536 && items[i].tok.unit == "" {
				return value{v: int64(n), from: i, to: i + 1, rule: "a number that ports have"}, true
			}
		}
	}
	leads := append([]string{name, strings.ReplaceAll(name, "_", "-")}, strings.Split(name, "_")...)
	return number(items, slot{param: name, whole: whole, leads: leads, units: leads})
}

// required asks for arguments that the schema wants and nothing gave.
func (r *reader) required(d *draft, info toolInfo) bool {
	for _, p := range info.required {
		if _, ok := d.args[p]; ok || info.params[p].Default != nil || slices.ContainsFunc(d.fan, func(f fan) bool { return f.param == p }) {
			continue
		}
		if fill, ok := r.fills[p]; ok {
			d.args[p] = fill
			continue
		}
		r.question(d.tool, p, Question{Text: fmt.Sprintf("%s needs %s: which?", d.tool, strings.ReplaceAll(p, "_", " ")), Choices: info.params[p].choices()})
	}
	return len(r.out.Questions) == 0
}
