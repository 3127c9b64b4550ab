package planner

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// fillExport reads run, format, path and whether a file may be replaced.
func fillExport(r *reader, d *draft, items []item, info toolInfo) bool {
	at, placed := first(items, cPath)
	if placed {
		r.set(d, "path", pathValue(items, at), items)
	}
	r.lex.mendFormats(items)
	format, ok := exportFormat(items, info.params["format"].choices())
	if fill, answered := r.fills["format"].(string); answered && (!ok || format.v == "") {
		format, ok = value{v: fill, rule: "your answer"}, true
	}
	if !ok && placed {
		format, ok = formatOfFile(items, at, info.params["format"].choices())
	}
	if ok && format.v == "" {
		said := clean(items[format.from].tok.text)
		r.question(d.tool, "format", Question{Text: fmt.Sprintf("model_export writes no %s. Which kind of file shall it be?", said), Choices: info.params["format"].choices()})
		return false
	}
	if kinds := severalFormats(items, info.params["format"].choices()); ok && len(kinds) > 1 && !placed {
		format.list = kinds
	}
	r.setIf(d, "format", format, ok, items)
	r.overwrites(d, items)
	return r.fillRun(d, items)
}

// severalFormats lists the kinds of file that are named one after another: "as
// onnx and as safetensors".
func severalFormats(items []item, choices []string) []any {
	var out []any
	for i := range items {
		name := map[string]string{"safetensor": "safetensors", "safetensors": "safetensors", "onnx": "onnx", "npz": "npz", "numpy": "npz"}[items[i].word()]
		if name != "" && slices.Contains(choices, name) && !slices.Contains(out, any(name)) {
			out = append(out, name)
		}
	}
	return out
}

// exportFormat reads the kind of file: its name, and how many bits a weight
// has. The value is "" for one that is known by name but not among the choices.
func exportFormat(items []item, choices []string) (value, bool) {
	kind, bits, at := "", "", -1
	for i := range items {
		if items[i].used || items[i].mention != nil && !items[i].is(cModel) {
			continue
		}
		switch {
		case strings.Contains(items[i].word(), "-") && slices.Contains(choices, items[i].word()):
			return value{v: items[i].word(), from: i, to: i + 1, rule: "kind of file"}, true
		case items[i].anyWord("onnx"):
			kind = orElse(kind, "onnx")
		case items[i].anyWord("safetensor"):
			kind = "safetensors"
		case items[i].anyWord("npz", "numpy"):
			kind = "npz"
		case items[i].anyWord("int8", "quantise", "quantize", "quantised", "quantized"):
			bits = "-int8"
		case items[i].anyWord("fp16", "half", "half-size"):
			bits = "-fp16"
		case kind != "" && isForeignFormat(items[i].tok.word):
			continue // "as safetensors, to load them in PyTorch"
		case isForeignFormat(items[i].tok.word), i > 0 && items[i-1].anyWord("as") && items[i].stranger:
			kind = "?"
		default:
			continue
		}
		at = i
	}
	if at < 0 {
		return value{}, false
	}
	v := value{v: "", from: at, to: at + 1, rule: "kind of file"}
	if kind == "" {
		kind = "onnx"
	}
	if name := kind + bits; slices.Contains(choices, name) {
		v.v = name
	}
	return v, true
}

// mendFormats corrects typos after "as", where names of any kind may stand, and
// marks what is no word that the planner knows.
func (lex *lexicon) mendFormats(items []item) {
	for i := 1; i < len(items); i++ {
		t := &items[i].tok
		if !items[i-1].anyWord("as") || items[i].mention != nil || t.kind != tWord || lex.known(*t) || isForeignFormat(t.word) {
			continue
		}
		items[i].stranger = true
		for _, c := range []string{"safetensors", "onnx", "numpy", "torchscript", "pytorch", "fp16", "int8"} {
			if editDistance(t.word, c, 2) <= min(2, len(c)/4) {
				t.word, t.stem, items[i].stranger = c, stem(c), false
			}
		}
	}
}

// isForeignFormat lists kinds of model files that people may ask for.
func isForeignFormat(name string) bool {
	switch name {
	case "torchscript", "pytorch", "tensorrt", "tflite", "openvino", "coreml", "keras", "tensorflow", "gguf", "pickle":
		return true
	}
	return false
}

// formatOfFile reads the kind of file from the ending of its name; "" is one
// that the tool does not write.
func formatOfFile(items []item, at int, choices []string) (value, bool) {
	ending := strings.TrimPrefix(strings.ToLower(path.Ext(items[at].tok.text)), ".")
	v := value{v: "", from: at, to: at + 1, rule: "ending of the file's name"}
	if slices.Contains(choices, ending) {
		v.v = ending
	}
	return v, ending != ""
}

// overwrites reads "overwrite it" and "replace the old file".
func (r *reader) overwrites(d *draft, items []item) {
	for i := range items {
		old := slices.ContainsFunc(items[i:], func(it item) bool { return it.anyWord("file", "old", "existing", "there") })
		if items[i].anyWord("overwrite", "overwriting", "overwritten", "clobber", "clobbering") || old && items[i].anyWord("replace") || i > 0 && items[i].anyWord("replace", "replaced") && items[i-1].anyWord("be", "may", "can") {
			negated := i > 0 && items[i-1].anyWord("don't", "not", "without", "never", "no")
			r.set(d, "overwrite", value{v: !negated, from: i, to: i + 1, rule: "switch"}, items)
			return
		}
	}
}

// pathValue is a path as it was written.
func pathValue(items []item, i int) value {
	return value{v: clean(items[i].tok.text), from: i, to: i + 1, rule: "path"}
}

// folderValue is a name or path without the slash that marks a folder.
func folderValue(items []item, i int, rule string) value {
	name := nameOf(items[i])
	if items[i].is(cPath) {
		name = clean(items[i].tok.text)
	}
	if trimmed := strings.TrimRight(name, "/"); trimmed != "" {
		name = trimmed
	}
	return value{v: name, from: i, to: i + 1, rule: rule}
}

// fillPredict reads what predicts, what is predicted, where the labels go and
// how the image is taken.
func fillPredict(r *reader, d *draft, items []item, info toolInfo) bool {
	model := modelFile(items)
	if model >= 0 {
		r.set(d, "run", pathValue(items, model), items)
	}
	out := outputAt(items)
	if out >= 0 {
		items[out].used = true
	}
	in := inputAt(r.lex, items)
	if in < 0 && out >= 0 {
		in, out = out, -1
	}
	switch fill, answered := r.fills["input"].(string); {
	case in >= 0:
		r.set(d, "input", r.inputs(items, in), items)
	case answered:
		d.args["input"] = fill
	default:
		r.question(d.tool, "input", Question{Text: "Which image shall I predict: a NIfTI file, a folder of them, or the name of a volume?"})
		return false
	}
	if out >= 0 {
		r.set(d, "output", folderValue(items, out, "where the labels go"), items)
	}
	r.predictSettings(d, items, info)
	if model >= 0 {
		return len(r.out.Questions) == 0
	}
	return r.fillRun(d, items)
}

// inputs reads one or several things to predict: "a.nii.gz and b.nii.gz".
func (r *reader) inputs(items []item, at int) value {
	v := folderValue(items, at, "what is predicted")
	list := []any{v.v}
	for j := at + 1; j+1 < len(items) && isJointItem(items[j]) && (items[j+1].is(cPath) || items[at].is(cVolume) && items[j+1].is(cVolume)) && !items[j+1].used; j += 2 {
		list, v.to = append(list, folderValue(items, j+1, "").v), j+2
	}
	if len(list) > 1 {
		v.list = list
	}
	return v
}

func isJointItem(it item) bool { return it.mention == nil && isJoint(it.tok) }

// predictSettings reads window, normalisation and the switches.
func (r *reader) predictSettings(d *draft, items []item, info toolInfo) {
	if i, ok := first(items, cTriple); ok {
		if size := wholeTriple(items[i].tok.triple); size != nil {
			r.set(d, "window", value{v: size, from: i, to: i + 1, rule: "three sizes"}, items)
		}
	} else if v, ok := number(items, slot{param: "window", whole: true, leads: []string{"window", "patch", "patch_size"}, units: []string{"window"}}); ok {
		v.v, v.list = []any{v.v, v.v, v.v}, nil
		r.set(d, "window", v, items)
	}
	for i := range items {
		switch {
		case items[i].anyWord("normalisation", "normalization", "normalise", "normalize", "normalising", "normalizing") && i > 0 && items[i-1].anyWord("no", "without", "not", "don't"):
			r.set(d, "normalise", value{v: "none", from: i - 1, to: i + 1, rule: "switch"}, items)
		case items[i].anyWord("zscore", "z-score", "z-scores"):
			r.set(d, "normalise", value{v: "zscore", from: i, to: i + 1, rule: "one of the choices"}, items)
		case items[i].anyWord("percentile") && slices.Contains(info.params["normalise"].choices(), "percentile"):
			r.set(d, "normalise", value{v: "percentile", from: i, to: i + 1, rule: "one of the choices"}, items)
		case items[i].anyWord("probability", "probabilities"):
			without := i > 0 && items[i-1].anyWord("no", "without", "not")
			r.set(d, "probabilities", value{v: !without, from: i, to: i + 1, rule: "switch"}, items)
		}
	}
	r.overwrites(d, items)
}

// modelFile finds the file that predicts, by its ending, or -1.
func modelFile(items []item) int {
	return slices.IndexFunc(items, func(it item) bool {
		return it.is(cPath) && slices.Contains([]string{".onnx", ".ts", ".pt", ".pth"}, strings.ToLower(path.Ext(it.tok.text)))
	})
}

// outputAt finds where the labels go: what follows "into", an arrow, or "to",
// "in" and "as" after a word for writing. It returns -1 if nothing does.
func outputAt(items []item) int {
	writes := false
	for i := range items {
		out, of := namesOutput(items, i)
		writes = writes || out || of
		if of || !out && !leadsOut(items, i, writes) {
			continue
		}
		j := i + 1
		for j < len(items) && (isDeterminer(items[j].word()) || items[j].anyWord("folder", "directory", "file", "called", "named", ":", "=", "is", "path", ",", "in", "to", "into", "should", "shall", "be", "go")) {
			j++
		}
		if j < len(items) && !items[j].used && isPlace(items[j]) {
			return j
		}
	}
	return -1
}

// namesOutput tells whether the word at items[i] is one for what comes out, with
// its place right after it ("output: x"), or one for writing.
func namesOutput(items []item, i int) (out, writes bool) {
	if items[i].used {
		return false, false
	}
	if items[i].anyWord("output", "out", "result", "prediction") && i+1 < len(items) && (items[i+1].is(cPath) || items[i+1].anyWord(":", "is", "=", "file", "folder", "directory", "path", ",")) {
		return true, false
	}
	return false, items[i].anyWord("put", "write", "written", "save", "store", "output", "result", "dump", "leave", "keep", "place", "deposit", "go", "land", "end") || i > 0 && items[i].anyWord("label")
}

// leadsOut tells whether the word at items[i] leads to where something goes.
func leadsOut(items []item, i int, writes bool) bool {
	switch it := items[i]; {
	case it.mention == nil && it.tok.text != "=" && strings.Trim(it.tok.text, "-=>→") == "": // an arrow
		return true
	case it.anyWord("to"):
		return i > 0 && (writes || i > 1 && !applies(items[:i]))
	case it.anyWord("into"):
		return true
	}
	return writes && items[i].anyWord("in", "as", "under", "at", "up")
}

// applies tells whether "to" follows what is applied, rather than where labels
// go: "apply brisk-otter to a.nii.gz".
func applies(before []item) bool {
	hasInput := slices.ContainsFunc(before, func(it item) bool { return it.is(cPath) && !it.used })
	return !hasInput && slices.ContainsFunc(before, func(it item) bool { return it.anyWord("apply") })
}

// isPlace tells whether an item may be the name of a file or folder.
func isPlace(it item) bool {
	return it.is(cPath) || it.is(cQuoted) || it.is(cDataset) || it.is(cName) || it.is(cRun) && isRunID(it.mention.text) || it.mention == nil && it.tok.kind == tWord && strings.ContainsAny(it.tok.word, "-_")
}

// inputAt finds what is predicted: a path, the name after "volume" or "image",
// or a name right after the verb. It returns -1 if there is none.
func inputAt(lex *lexicon, items []item) int {
	if i, ok := first(items, cPath); ok {
		return i
	}
	if i, ok := first(items, cVolume); ok {
		return i
	}
	for i := range items {
		if items[i].is(cVolume) && !items[i].used {
			return i
		}
		if !items[i].anyWord("volume", "image", "case", "scan", "predict", "segment", "infer", "on") || i+1 >= len(items) || items[i+1].used {
			continue
		}
		next := items[i+1]
		if next.is(cQuoted) || next.is(cName) || next.mention == nil && lex.nameAt([]token{next.tok}, 0) != "" {
			return i + 1
		}
	}
	return -1
}
