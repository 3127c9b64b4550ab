package export

import "github.com/minivess/minivess/engine/nn/onnx"

// File is one file that was written.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Check is one thing that was verified, or could not be.
type Check struct {
	Name string `json:"name"`
	// Made is false when the check could not be made; Found then says why.
	Made  bool   `json:"made"`
	Found string `json:"found"`
}

// Dice is how well the exported model segments volumes of the run.
type Dice struct {
	Split   string `json:"split"`
	Volumes int    `json:"volumes"` // that were predicted
	Of      int    `json:"of"`      // that there are
	// Exported is the mean Dice of the file that was written, Reference that of
	// the same network with weights in float32, Recorded what libtorch reached
	// when the checkpoint was saved. Reference is only there for narrowed weights,
	// Recorded only when all volumes were predicted.
	Exported  float64  `json:"exported"`
	Reference *float64 `json:"reference,omitempty"`
	Recorded  *float64 `json:"recorded,omitempty"`
	// Loss is Reference − Exported, LargestLogit the largest difference of any
	// logit; both are for narrowed weights.
	Loss         *float64 `json:"loss,omitempty"`
	LargestLogit *float64 `json:"largest_logit_difference,omitempty"`
}

// Report is what was exported and what was checked.
type Report struct {
	Format     Format `json:"format"`
	Files      []File `json:"files"` // the model first
	Run        string `json:"run"`
	Model      string `json:"model"`
	Checkpoint string `json:"checkpoint"`
	Step       int64  `json:"step"`
	Parameters int64  `json:"parameters"`
	// Opset, Inputs and Outputs are those of an ONNX model.
	Opset   int         `json:"opset,omitempty"`
	Inputs  []onnx.Port `json:"inputs,omitempty"`
	Outputs []onnx.Port `json:"outputs,omitempty"`
	// SizeRatio is the size in relation to weights in float32, for narrowed ones.
	SizeRatio float64 `json:"size_ratio,omitempty"`
	Checks    []Check `json:"checks"`
	Dice      *Dice   `json:"dice,omitempty"`
}

// Bytes is the size of all files.
func (r Report) Bytes() (n int64) {
	for _, f := range r.Files {
		n += f.Bytes
	}
	return n
}
