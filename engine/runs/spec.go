// Package runs knows what a run is: the specification that goes into a worker,
// the events that come out, the folder they live in, the state they add up to,
// and the selectors by which people name runs. It links neither libtorch nor
// DuckDB, so both binaries use it.
package runs

import (
	"encoding/json"
	"time"
)

// Kind says what a job does.
type Kind string

// The kinds of job that a worker runs.
const (
	KindTrain    Kind = "train"
	KindEvaluate Kind = "evaluate"
)

// SpecSchema is the version of job.json.
const SpecSchema = 1

// Spec is job.json: everything a worker needs, resolved, with the digests of
// its inputs. A worker reads nothing else but the files named here.
type Spec struct {
	Schema      int               `json:"schema"`
	RunID       string            `json:"run_id"`
	Name        string            `json:"name,omitempty"`
	Kind        Kind              `json:"kind"`
	Created     time.Time         `json:"created"`
	Key         string            `json:"key,omitempty"` // idempotency key of the call that launched it
	TraceParent string            `json:"traceparent,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Model       string            `json:"model"`
	Dataset     DatasetRef        `json:"dataset"`
	Experiment  json.RawMessage   `json:"experiment"`        // config.Experiment, resolved
	Sources     map[string]string `json:"sources,omitempty"` // dotted key → where its value came from
	// Init are the weights that a training begins with, and Network the file
	// that its network is in; nil where there is none.
	Init     *FileRef      `json:"init,omitempty"`
	Network  *FileRef      `json:"network,omitempty"`
	Evaluate *EvaluateSpec `json:"evaluate,omitempty"`
	Predict  *PredictSpec  `json:"predict,omitempty"`
}

// DatasetRef pins the input data: absolute paths, digests, and the part each
// volume plays in this job.
type DatasetRef struct {
	Name    string      `json:"name"`
	Digest  string      `json:"digest"`
	Volumes []VolumeRef `json:"volumes"`
}

// VolumeRef is one image with its label. Split is train, val or test.
type VolumeRef struct {
	ID          string     `json:"id"`
	Image       string     `json:"image"`
	Label       string     `json:"label"`
	ImageSHA256 string     `json:"image_sha256,omitempty"`
	LabelSHA256 string     `json:"label_sha256,omitempty"`
	Shape       [3]int     `json:"shape"`
	Spacing     [3]float64 `json:"spacing"` // in the header's unit
	Unit        string     `json:"unit"`
	Split       string     `json:"split"`
}

// EvaluateSpec is the part of a specification that only KindEvaluate has.
type EvaluateSpec struct {
	Run        string   `json:"run"`        // the trained run that is judged
	Checkpoint string   `json:"checkpoint"` // absolute path
	Split      string   `json:"split"`
	Metrics    []string `json:"metrics"`
	Tolerance  float64  `json:"tolerance"` // NSD tolerance, in the spacing's unit
	// Ignore, if not nil, is the label of voxels that are not judged.
	Ignore *uint8 `json:"ignore,omitempty"`
	// Worst is for how many of the worst volumes the report has pictures; nil
	// means DefaultWorst.
	Worst *int `json:"worst,omitempty"`
}

// DefaultWorst is for how many volumes the report of an evaluation has pictures
// unless it is told otherwise.
const DefaultWorst = 4

// ReportFile is the path of an evaluation's report in the run folder, and
// PicturesDir that of its pictures.
const (
	ReportFile  = ArtifactsDir + "/report.html"
	PicturesDir = ArtifactsDir + "/pictures"
)
