package runs

import "github.com/minivess/minivess/engine/metrics"

// The kinds of record in a run's events.jsonl. The Data of each is the struct
// of the same name.
const (
	EventQueued       = "queued"
	EventStarted      = "started"
	EventNetwork      = "network"
	EventWeights      = "weights"
	EventProgress     = "progress"
	EventMetric       = "metric"
	EventResource     = "resource"
	EventCheckpoint   = "checkpoint"
	EventArtifact     = "artifact"
	EventCase         = "case"
	EventWarning      = "warning"
	EventFinished     = "finished"
	EventFailed       = "failed"
	EventCancelled    = "cancelled"
	EventCheckpointed = "checkpointed" // SIGTERM: state saved, exit 75, can be resumed
)

// Queued is written by whoever launches (or resumes) the job.
type Queued struct {
	Executor string `json:"executor"`
	Resume   bool   `json:"resume,omitempty"`
	// Epochs, when positive, replaces the specification's number of epochs
	// from this attempt on. It is a total, not an addition.
	Epochs int `json:"epochs,omitempty"`
}

// Started is the worker's first record.
type Started struct {
	PID     int    `json:"pid"`
	Host    string `json:"host"`
	Device  string `json:"device"`
	Threads int    `json:"threads"`
	Version string `json:"version"`
	// Step is 0 for a fresh run, else the step it resumes after.
	Step int64 `json:"step"`
}

// Network says how much of the network a training changes.
type Network struct {
	Parameters int64 `json:"parameters"` // of the whole network
	Trained    int64 `json:"trained"`    // of those that are not frozen
	Frozen     int   `json:"frozen"`     // tensors that are
	// Summary is a sentence: "1.10 M of 4.70 M parameters trained".
	Summary string `json:"summary"`
}

// Weights says what a training took from the weights that it began with.
type Weights struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// Matched are as many of the network's Tensors as were loaded.
	Matched    int      `json:"matched"`
	Tensors    int      `json:"tensors"`
	Missing    []string `json:"missing,omitempty"`    // the network's, not in the file
	Unexpected []string `json:"unexpected,omitempty"` // the file's, unknown to the network
	Mismatched []string `json:"mismatched,omitempty"` // of another shape or type
	Ignored    []string `json:"ignored,omitempty"`    // the network's, left out on request
	// Summary is a sentence: "matched 83 of 83".
	Summary string `json:"summary"`
}

// Progress tells how far a phase ("load", "train", "validate", "evaluate",
// "predict") is.
type Progress struct {
	Phase  string  `json:"phase"`
	Done   int64   `json:"done"`
	Total  int64   `json:"total"`
	Epoch  int     `json:"epoch,omitempty"`
	Epochs int     `json:"epochs,omitempty"`
	Rate   float64 `json:"rate"` // steps (or volumes) a second
	ETA    float64 `json:"eta_seconds"`
}

// Metric holds values measured at one step. Split is train, val or test.
type Metric struct {
	Step   int64             `json:"step"`
	Epoch  int               `json:"epoch"`
	Split  string            `json:"split"`
	Values map[string]Number `json:"values"`
}

// Resource is a sample of what the worker uses.
type Resource struct {
	RSSBytes   int64   `json:"rss_bytes"`
	CPUPercent float64 `json:"cpu_percent"`
	Step       int64   `json:"step"`
}

// Checkpoint is a complete file on disk. Path is relative to the run folder.
// Role is best or last.
type Checkpoint struct {
	Path   string `json:"path"`
	Role   string `json:"role"`
	Step   int64  `json:"step"`
	Epoch  int    `json:"epoch"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Metric string `json:"metric,omitempty"`
	Value  Number `json:"value,omitempty"`
}

// Artifact is a complete file other than a checkpoint.
type Artifact struct {
	Path   string `json:"path"`
	Role   string `json:"role"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Case is one volume's score. A volume that is judged again, by a resumed
// evaluation, has a later record, which counts.
type Case struct {
	Volume string `json:"volume"`
	Split  string `json:"split"`
	// Values by metric are the means over the labels, and what is measured of
	// the volume as a whole. Journals from before there were Labels have those of
	// single labels here too, as dice_1 and so on. Excluded names metrics without
	// a value, and ByPolicy those whose value the empty-mask policy set, each
	// with the reason.
	Values   map[string]Number `json:"values"`
	Excluded map[string]string `json:"excluded,omitempty"`
	ByPolicy map[string]string `json:"by_policy,omitempty"`

	// Labels are the scores of each label, one of them also where there is only
	// one.
	Labels []CaseLabel `json:"labels,omitempty"`
	// Definition says whose formulas the scores follow, and Unit and Tolerance
	// what distances and NSD are in; see metrics.Options.
	Definition string  `json:"definition,omitempty"`
	Unit       string  `json:"unit,omitempty"`
	Tolerance  float64 `json:"tolerance,omitempty"`
	// IgnoredVoxels is how many voxels carry a label that is not judged.
	IgnoredVoxels int `json:"ignored_voxels,omitempty"`
	// Failure is why the volume could not be judged; then every metric is
	// excluded.
	Failure *CaseFailure `json:"failure,omitempty"`
}

// CaseLabel is the scores of one label of a volume, as in Case.
type CaseLabel struct {
	Label    int               `json:"label"`
	Values   map[string]Number `json:"values"`
	Excluded map[string]string `json:"excluded,omitempty"`
	ByPolicy map[string]string `json:"by_policy,omitempty"`
}

// CaseFailure says what was wrong with a volume. Code is one of those of
// Failed.
type CaseFailure struct {
	Code  string `json:"code"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// Warning is something a person should know that does not stop the run.
type Warning struct {
	Message string `json:"message"`
}

// Finished ends a run that did all it was asked to.
type Finished struct {
	Step    int64   `json:"step"`
	Epoch   int     `json:"epoch"`
	Seconds float64 `json:"seconds"`
	Reason  string  `json:"reason"` // "all steps done", "early stopping", …
	// Summary repeats the numbers most asked for, by "split/name".
	Summary map[string]Number `json:"summary,omitempty"`
	// Worst is, of an evaluation, the volume with the worst value of what was
	// asked for first.
	Worst *Worst `json:"worst,omitempty"`
}

// Worst is a volume that stands out.
type Worst struct {
	Volume string `json:"volume" jsonschema:"its id"`
	Metric string `json:"metric" jsonschema:"what it stands out by"`
	Value  Number `json:"value" jsonschema:"its value"`
}

// Failed ends a run that cannot go on. Code is short and stable (nan_loss,
// no_foreground, disk_full, bad_input, out_of_memory, internal).
type Failed struct {
	Code  string `json:"code"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
	Step  int64  `json:"step"`
}

// Stopped is the data of both EventCancelled and EventCheckpointed.
type Stopped struct {
	Reason string `json:"reason"`
	Step   int64  `json:"step"`
}

// Number is a float64 that survives JSON when it is not finite.
type Number = metrics.Number
