package report

import "time"

// Evaluation is one checkpoint judged on the volumes of one split. Everything
// that is text may come from data: it is escaped when it is written.
type Evaluation struct {
	Run  string // id of the trained run
	Name string // that a person gave it
	Job  string // id of the evaluation; empty where it is not a run of its own
	// Model is the network's name.
	Model string

	Dataset       string
	DatasetDigest string
	Split         string // train, val or test

	Checkpoint       string // file
	CheckpointDigest string // SHA-256
	Step             int64
	Epoch            int

	Made    time.Time // when the evaluation ended; shown in UTC, left out when zero
	Version string    // of minivess

	Scoring Scoring
	// Metrics are the columns in their order; the first one orders the cases.
	// None means every metric that occurs in Cases, in metrics.Names' order.
	Metrics []string
	Cases   []Case
	// Notes are warnings that the reader should see first.
	Notes []string
}

// Scoring says how the numbers were computed.
type Scoring struct {
	Definition string // whose formulas, as in metrics.Minivess
	Empty      string // policy for empty masks, as in metrics.EmptyPenalise
	Unit       string // of distances and of Tolerance
	Tolerance  float64
	Beta       float64
	// BoundaryWidth is in voxels.
	BoundaryWidth float64
}

// Case is one volume's scores.
type Case struct {
	Volume  string
	Shape   [3]int     // x, y, z; zero where it is not known
	Spacing [3]float64 // in Scoring.Unit
	Scores
	// Failure is why the volume could not be judged, empty where it was.
	Failure string
	// Labels are the scores of single labels where there are several.
	Labels []LabelScores
	// Pictures are shown for the worst cases that have some.
	Pictures *Pictures
}

// Scores are values by metric. Excluded says why a metric has none, ByPolicy
// which values the policy for empty masks has set.
type Scores struct {
	Values   map[string]float64
	Excluded map[string]string
	ByPolicy map[string]string
}

// LabelScores are one label's scores in one volume.
type LabelScores struct {
	Label int
	Name  string
	Scores
}

// Comparison is several evaluations on the same split.
type Comparison struct {
	Evaluations []Evaluation
	// Metrics are what is compared, the first one foremost. None means those
	// that all have.
	Metrics []string
	Made    time.Time
	Version string
	Notes   []string
}
