package planner

import "strings"

// class says what has been recognised in an item.
type class string

// The classes that cues and slots ask for.
const (
	cModel   class = "model"
	cRun     class = "run"     // one run, by selector
	cBest    class = "best"    // a superlative selector
	cRuns    class = "runs"    // several runs
	cRef     class = "ref"     // it, them, that run
	cDataset class = "dataset" // a dataset by name
	cDataRef class = "dataref" // that dataset
	cMetric  class = "metric"
	cSplit   class = "split"
	cState   class = "state"
	cSince   class = "since"
	cNumber  class = "num"
	cTriple  class = "triple"
	cPath    class = "path"
	cAssign  class = "assign"
	cQuoted  class = "quoted"
	cSQL     class = "sql"
	cName    class = "name"   // called NAME
	cTag     class = "tag"    // tagged NAME
	cLayout  class = "layout" // of a dataset's folder
	cVolume  class = "volume" // a name of the shape that volumes have
)

// mention is something recognised in the sentence.
type mention struct {
	class  class
	text   string // the value: a name, a selector, a canonical word
	model  string // for run selectors: the model that limits it
	metric string // for superlatives
	count  int    // for "the last 5 runs"; 0 means unlimited
	state  string // for "all failed runs"
	on     string // for "the last 5 cortex runs": the dataset that limits them
	plural bool   // for references
	data   bool   // a reference that may mean the dataset just spoken of
	rule   string // what the explanation says
	note   string // an assumption to state
}

// item is a token, or the mention that several tokens make up.
type item struct {
	tok     token
	mention *mention
	start   int // byte range in the text
	end     int
	used    bool // claimed by a slot
	// stranger is a word that is neither known nor a name of the right kind.
	stranger bool
}

// is tells whether the item belongs to a class.
func (it item) is(c class) bool {
	if it.mention == nil {
		if c == cVolume {
			return it.tok.kind == tWord && volumeName.MatchString(it.tok.word) && !isVocabulary(it.tok.word)
		}
		return c != "" && c == kindClass(it.tok.kind)
	}
	if c == cVolume {
		return it.mention.class == cDataset && strings.HasPrefix(it.mention.rule, "name after ") && it.mention.rule != "name after dataset" && volumeName.MatchString(it.mention.text)
	}
	return it.mention.class == c || c == cDataRef && it.mention.data || c == cBest && it.mention.metric != "" && it.mention.class == cRun
}

// isVocabulary lists the words that have the shape of a volume's name and mean
// something else.
func isVocabulary(w string) bool {
	switch w {
	case "bf16", "bfloat16", "fp16", "fp32", "float16", "float32", "f32", "int8", "hd95", "v1", "v2", "v3", "sam3", "vista3":
		return true
	}
	return false
}

// kindClass is the class that a token has without being mentioned.
func kindClass(k tokenKind) class {
	switch k {
	case tNumber:
		return cNumber
	case tTriple:
		return cTriple
	case tPath:
		return cPath
	case tAssign:
		return cAssign
	case tQuoted:
		return cQuoted
	case tSQL:
		return cSQL
	case tWord, tPunct:
	}
	return ""
}

// word returns the item's plain word, or "" for a mention.
func (it item) word() string {
	if it.mention != nil {
		return ""
	}
	return it.tok.word
}

// anyWord tells whether the item is one of these words or stems.
func (it item) anyWord(words ...string) bool {
	if it.mention != nil || it.tok.kind == tQuoted {
		return false
	}
	for _, w := range words {
		if it.tok.word == w || it.tok.stem == w {
			return true
		}
	}
	return false
}
