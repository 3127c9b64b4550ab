package planner

import (
	"math"
	"slices"
	"strings"
)

// fillNothing is for tools without arguments.
func fillNothing(*reader, *draft, []item, toolInfo) bool { return true }

// fillSynthetic reads name, volumes, shape, spacing and seed.
func fillSynthetic(r *reader, d *draft, items []item, _ toolInfo) bool {
	name, ok := newName(items)
	if !ok {
		name, ok = r.madeName(items)
	}
	if fill, answered := r.fills["name"].(string); answered && !ok {
		name, ok = value{v: fill, rule: "your answer"}, true
	}
	r.setIf(d, "name", name, ok, items)
	r.fillSizes(d, items)
	for _, p := range []string{"volumes", "seed"} {
		v, found := r.numeric(items, p)
		if p == "volumes" && !found {
			v, found = howMany(items)
		}
		v.list = nil
		r.setIf(d, p, v, found, items)
	}
	return true
}

// howMany reads a number of volumes with any words before what is counted: "20
// phantom volumes", "a single vessel tree".
func howMany(items []item) (value, bool) {
	for i := range items {
		single := items[i].anyWord("single")
		if items[i].used || !single && (!items[i].is(cNumber) || items[i].tok.unit != "" || items[i].tok.num != math.Trunc(items[i].tok.num) || items[i].tok.num < 1) {
			continue
		}
		for j := i + 1; j < len(items) && j <= i+4 && (items[j].mention == nil || items[j].is(cDataRef)) && items[j].tok.kind == tWord; j++ {
			if items[j].anyWord("volume", "image", "scan", "stack", "tree", "phantom", "sample", "case") {
				n := int64(1)
				if !single {
					n = int64(items[i].tok.num)
				}
				return value{v: n, from: i, to: j + 1, rule: "how many there are"}, true
			}
		}
	}
	return value{}, false
}

// unnamed asks what a new dataset is to be called, once all has been read.
func (r *reader) unnamed() {
	for _, s := range r.out.Steps {
		if s.Tool != "dataset_create_synthetic" && s.Tool != "dataset_import" || has(s.Args, "name") {
			continue
		}
		q := Question{Text: "What shall the dataset be called?"}
		if folder, _ := s.Args["path"].(string); nameFromPath(folder) != "" {
			q.Choices = []string{nameFromPath(folder)}
		}
		r.question(s.Tool, "name", q)
	}
}

// leastEdge is the smallest edge of a volume in voxels; what is less is a spacing.
const leastEdge = 8

// fillSizes reads the shape and the spacing of volumes.
func (r *reader) fillSizes(d *draft, items []item) {
	for _, i := range triples(items) {
		t := items[i].tok
		whole := wholeTriple(t.triple)
		voxels := t.unit == "" || t.unit == "px" || strings.HasPrefix(t.unit, "vox")
		physical := whole == nil || !voxels || slices.Min(t.triple[:]) < leastEdge
		spoken := i > 0 && (items[i-1].anyWord("spacing", "resolution") || i > 1 && items[i-2].anyWord("spacing", "resolution"))
		switch {
		case physical || spoken || d.args["shape"] != nil:
			r.set(d, "spacing", value{v: microns(t), from: i, to: i + 1, rule: "three spacings in µm"}, items)
		default:
			r.set(d, "shape", value{v: whole, from: i, to: i + 1, rule: "three sizes in voxels"}, items)
		}
	}
	if v, ok := cube(items); ok && d.args["shape"] == nil {
		r.set(d, "shape", v, items)
	}
	if v, ok := planeSize(items); ok && d.args["shape"] == nil {
		r.set(d, "shape", v, items)
	}
	if v, ok := planeSpacing(items); ok && d.args["spacing"] == nil {
		r.set(d, "spacing", v, items)
	}
	if v, ok := voxelEdge(items); ok && d.args["spacing"] == nil {
		r.set(d, "spacing", v, items)
	}
}

// madeName reads "create demo3: synthetic, …": a name right after the verb.
func (r *reader) madeName(items []item) (value, bool) {
	for i := 1; i < len(items); i++ {
		if items[i].mention == nil && items[i-1].anyWord("create", "make", "generate", "build", "simulate", "dataset") {
			if name := r.lex.nameAt([]token{items[i].tok}, 0); name != "" {
				return value{v: name, from: i, to: i + 1, rule: "name after the verb"}, true
			}
		}
		if items[i].mention == nil && items[i-1].anyWord("set", "data", "volume", "phantom", "cohort", "collection") && items[i].tok.kind == tWord && marked(items[i].tok) && !r.lex.known(items[i].tok) {
			return value{v: nameOf(items[i]), from: i, to: i + 1, rule: "a name after what it is"}, true
		}
	}
	return value{}, false
}

// cube reads one edge in voxels for all three axes: "80 voxels on a side", "64
// voxels cubed", "cubes of 96 voxels".
func cube(items []item) (value, bool) {
	for i := range items {
		n := items[i].tok.num
		if !items[i].is(cNumber) || items[i].used || n < 2 || n != math.Trunc(n) || items[i].tok.unit != "" && !strings.HasPrefix(items[i].tok.unit, "vox") {
			continue
		}
		near := items[max(0, i-4):min(len(items), i+6)]
		voxels := items[i].tok.unit != "" || i+1 < len(items) && items[i+1].anyWord("voxel", "vox", "px", "pixel")
		equal := slices.ContainsFunc(near, func(it item) bool {
			return it.anyWord("side", "cube", "cubed", "cubic", "edge", "axis", "dimension", "direction", "way")
		})
		if voxels && equal {
			return value{v: []any{int64(n), int64(n), int64(n)}, from: i, to: i + 1, rule: "one edge for all three axes, in voxels"}, true
		}
	}
	return value{}, false
}

// planeSpacing reads "0.4 µm in plane and 1.5 µm in z": an edge for x and y and
// one between the slices.
func planeSpacing(items []item) (value, bool) {
	var t token
	plane, depth := -1, -1
	for i := range items {
		if !items[i].is(cNumber) || items[i].used || !isLengthUnit(items[i].tok.unit) {
			continue
		}
		near := items[i+1 : min(len(items), i+5)]
		for k, it := range near {
			if it.is(cNumber) {
				near = near[:k]
				break
			}
		}
		says := func(words ...string) bool {
			return slices.ContainsFunc(near, func(it item) bool {
				return it.anyWord(words...) || it.is(cDataset) && slices.Contains(words, nameOf(it))
			}) || i > 0 && items[i-1].anyWord(words...)
		}
		switch {
		case plane < 0 && says("plane", "in-plane", "inplane", "xy", "lateral", "laterally", "x", "x/y"):
			plane, t = i, items[i].tok
		case depth < 0 && says("z", "axial", "axially", "depth", "slice", "slices", "deep", "apart"):
			depth = i
		}
	}
	if plane < 0 || depth < 0 {
		return value{}, false
	}
	edge, gap := items[plane].tok, items[depth].tok
	t.triple = [3]float64{edge.num, edge.num, edge.num}
	xy := microns(t)
	gap.triple = [3]float64{gap.num, gap.num, gap.num}
	items[plane].used, items[depth].used = true, true
	return value{v: []any{xy[0], xy[1], microns(gap)[2]}, from: plane, to: plane + 1, rule: "spacing in the plane and between slices"}, true
}

// planeSize reads "128 voxels in x and y and 48 in z": an edge for x and y and how
// many slices there are.
func planeSize(items []item) (value, bool) {
	plane, depth := -1, -1
	for i := range items {
		n := items[i].tok.num
		if !items[i].is(cNumber) || items[i].used || n < 8 || n != math.Trunc(n) || items[i].tok.unit != "" && !strings.HasPrefix(items[i].tok.unit, "vox") && items[i].tok.unit != "px" {
			continue
		}
		near := items[i+1 : min(len(items), i+7)]
		if k := slices.IndexFunc(near, func(it item) bool { return it.is(cNumber) || it.is(cTriple) }); k >= 0 {
			near = near[:k]
		}
		says := func(words ...string) bool {
			return slices.ContainsFunc(near, func(it item) bool { return slices.Contains(words, it.tok.word) })
		}
		switch {
		case plane < 0 && (says("x") && says("y") || says("xy", "x/y", "in-plane", "plane", "lateral", "laterally")):
			plane = i
		case depth < 0 && says("z", "axial", "axially", "depth", "deep", "slices"):
			depth = i
		}
	}
	if plane < 0 || depth < 0 {
		return value{}, false
	}
	edge := int64(items[plane].tok.num)
	items[plane].used, items[depth].used = true, true
	return value{v: []any{edge, edge, int64(items[depth].tok.num)}, from: plane, to: plane + 1, rule: "size in the plane and number of slices"}, true
}

// voxelEdge reads one length for all three axes: "isotropic 0.5 µm voxels".
func voxelEdge(items []item) (value, bool) {
	for i := range items {
		if !items[i].is(cNumber) || items[i].used || !isLengthUnit(items[i].tok.unit) {
			continue
		}
		near := slices.ContainsFunc(items[max(0, i-4):min(len(items), i+3)], func(it item) bool {
			return it.anyWord("isotropic", "voxel", "spacing", "resolution", "cubic")
		})
		if near {
			t := items[i].tok
			t.triple = [3]float64{t.num, t.num, t.num}
			return value{v: microns(t), from: i, to: i + 1, rule: "one edge for all three axes, in µm"}, true
		}
	}
	return value{}, false
}

// numeric finds a numeric argument by the table of slots.
func (r *reader) numeric(items []item, param string) (value, bool) {
	for _, s := range slots() {
		if s.param == param {
			return number(items, s)
		}
	}
	return value{}, false
}

// fillImport reads path, name and layout.
func fillImport(r *reader, d *draft, items []item, _ toolInfo) bool {
	p, ok := first(items, cPath)
	var from value
	switch fill, answered := r.fills["path"].(string); {
	case ok:
		from = value{v: clean(items[p].tok.text), from: p, to: p + 1, rule: "path"}
	case answered:
		from = value{v: fill, rule: "your answer"}
	default:
		if q, quotedPath := first(items, cQuoted); quotedPath {
			from = value{v: clean(items[q].tok.text), from: q, to: q + 1, rule: "quoted path"}
			break
		}
		r.question(d.tool, "path", Question{Text: "Which folder shall I import?"})
		return false
	}
	r.set(d, "path", from, items)
	layout, found := r.layout(items)
	if i, ok := first(items, cLayout); ok && !found {
		layout, found = mentioned(items, i), true
	}
	name, named := newName(items)
	if where, _ := from.v.(string); !found && nameFromPath(where) == "minivess" {
		layout, found = value{v: "minivess", from: from.from, to: from.to, rule: "the folder's name"}, true
	}
	if !found && named && name.v == "minivess" {
		layout, found = value{v: "minivess", from: name.from, to: name.to, rule: "the name of its layout"}, true
	}
	if found && !named && layout.v == "minivess" && layout.rule != "layout" && layout.rule != saidToHold {
		name, named = value{v: "minivess", from: layout.from, to: layout.to, rule: "name before data"}, true
	}
	r.setIf(d, "layout", layout, found, items)
	if fill, answered := r.fills["name"].(string); answered && !named {
		name, named = value{v: fill, rule: "your answer"}, true
	}
	r.setIf(d, "name", name, named, items)
	if v, ok := leavesOut(items); ok {
		r.set(d, "skip_mismatched", v, items)
	}
	return true
}

// leavesOut reads "leave out what does not fit" and "bad pairs should be
// skipped".
func leavesOut(items []item) (value, bool) {
	for i := range items {
		if items[i].anyWord("skip_mismatched", "mismatched", "mismatch") {
			return value{v: true, from: i, to: i + 1, rule: "what does not match is left out"}, true
		}
		if !items[i].anyWord("leave", "left", "skip", "skipped", "skipping", "drop", "dropped", "ignore", "ignored", "ignoring", "omit", "omitted", "exclude", "excluded", "discard", "discarded") {
			continue
		}
		what := slices.ContainsFunc(items, func(it item) bool {
			return it.anyWord("fit", "match", "matching", "agree", "bad", "broken", "wrong", "unmatched", "pair", "volume", "case", "image", "file", "one", "whatever", "those", "label") || it.is(cState)
		})
		if what {
			return value{v: true, from: i, to: i + 1, rule: "what does not match is left out"}, true
		}
	}
	return value{}, false
}

// fillSplit reads dataset, folds, test_fraction and seed.
func fillSplit(r *reader, d *draft, items []item, _ toolInfo) bool {
	if !r.needDataset(d, items) {
		return false
	}
	folds, ok := number(items, slot{param: "folds", whole: true, leads: []string{"fold", "into"}, units: []string{"fold", "way", "part", "cross-validation"}})
	folds.list = nil
	r.setIf(d, "folds", folds, ok, items)
	seed, ok := r.numeric(items, "seed")
	seed.list = nil
	r.setIf(d, "seed", seed, ok, items)
	share, ok := testFraction(items)
	share.list = nil
	r.setIf(d, "test_fraction", share, ok, items)
	return true
}

// needDataset fills the dataset or asks for it.
func (r *reader) needDataset(d *draft, items []item) bool {
	v, note, ok := r.pickDataset(items, d.tool)
	if !ok && r.lastTool() == "dataset_list" && d.tool == "dataset_show" {
		return false // "list all datasets and how many volumes each has": the list says it
	}
	if !ok {
		what := map[string]string{"train_launch": "Which dataset shall I train on?"}[d.tool]
		if what == "" {
			what = "Which dataset do you mean?"
		}
		r.question(d.tool, "dataset", Question{Text: what, Choices: r.known.Datasets})
		return false
	}
	r.note(note)
	v.list = r.moreDatasets(d.tool, items, v)
	r.set(d, "dataset", v, items)
	return true
}

// moreDatasets lists the datasets of this workspace that a clause about data
// names, if it names several.
func (r *reader) moreDatasets(tool string, items []item, v value) []any {
	if !strings.HasPrefix(tool, "dataset_") && tool != "evaluate_run" || !strings.HasPrefix(v.rule, "a dataset of") {
		return nil
	}
	list, joined := []any{v.v}, false
	for i := v.to; i < len(items); i++ {
		switch name := nameOf(items[i]); {
		case isJointItem(items[i]):
			joined = true
		case joined && items[i].is(cDataset) && containsFold(r.known.Datasets, name) && !slices.Contains(list, any(name)):
			list, joined = append(list, name), false
			items[i].used = true
		case !isPreposition(items[i].word()) && !isDeterminer(items[i].word()):
			i = len(items)
		}
	}
	if len(list) == 1 {
		return nil
	}
	return list
}
