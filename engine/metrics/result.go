package metrics

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/minivess/minivess/engine/metrics/topology"
)

// Presence says which of the two masks hold any foreground.
type Presence string

// The four cases that an empty-mask policy distinguishes.
const (
	PresentBoth     Presence = "both"
	MissedStructure Presence = "missed"   // reference only
	InventedOnly    Presence = "invented" // prediction only
	EmptyBoth       Presence = "neither"
)

// Result is the scores of one pair of masks under one definition. Every name
// asked for is in Values, in Excluded, or (when its value is not a finite
// number) in both.
type Result struct {
	Definition string
	Spacing    [3]float64
	Unit       string
	Tolerance  float64
	// Beta and BoundaryWidth are the parameters of FBeta and BoundaryIoU.
	Beta, BoundaryWidth float64

	Empty    EmptyPolicy // as resolved: never "" for Minivess
	Presence Presence

	// Values are the scores by metric name. NaN and +Inf occur under policies
	// and definitions that answer so.
	Values map[string]float64
	// Excluded says, for each metric without a finite value, why.
	Excluded map[string]string
	// ByPolicy says, for each value that was set by the policy for empty masks
	// and not measured, which rule set it.
	ByPolicy map[string]string

	ReferenceVoxels  int
	PredictionVoxels int

	// ReferenceTopology and PredictionTopology are each mask's Betti numbers and
	// Euler characteristic, nil unless an error of theirs was asked for.
	ReferenceTopology  *topology.Counts
	PredictionTopology *topology.Counts
}

// MarshalJSON writes lower-case keys and non-finite values as the strings
// "NaN", "Inf" and "-Inf".
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Definition       string            `json:"definition"`
		Spacing          [3]float64        `json:"spacing"`
		Unit             string            `json:"unit"`
		Tolerance        float64           `json:"tolerance"`
		Beta             float64           `json:"beta"`
		BoundaryWidth    float64           `json:"boundary_width"`
		Empty            EmptyPolicy       `json:"empty_policy,omitempty"`
		Presence         Presence          `json:"presence"`
		Values           map[string]Number `json:"values"`
		Excluded         map[string]string `json:"excluded,omitempty"`
		ByPolicy         map[string]string `json:"by_policy,omitempty"`
		ReferenceVoxels  int               `json:"reference_voxels"`
		PredictionVoxels int               `json:"prediction_voxels"`

		ReferenceTopology  *topology.Counts `json:"reference_topology,omitempty"`
		PredictionTopology *topology.Counts `json:"prediction_topology,omitempty"`
	}{
		r.Definition, r.Spacing, r.Unit, r.Tolerance, r.Beta, r.BoundaryWidth, r.Empty, r.Presence,
		numbers(r.Values), r.Excluded, r.ByPolicy, r.ReferenceVoxels, r.PredictionVoxels,
		r.ReferenceTopology, r.PredictionTopology,
	})
}

// Comparison is one pair of masks under several definitions.
type Comparison []Result

// MarshalJSON writes {"definition": {"metric": value, …}, …} in the order of
// the comparison, non-finite values as strings.
func (c Comparison) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, r := range c {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(r.Definition)
		if err != nil {
			return nil, err
		}
		values, err := json.Marshal(numbers(r.Values))
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(values)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Metrics lists the names that occur in any of the results, in the order of
// Names, those that are not listed there last.
func (c Comparison) Metrics() []string {
	var names, others []string
	for _, r := range c {
		all := maps.Clone(r.Values)
		for name := range r.Excluded {
			all[name] = 0
		}
		for _, name := range Names(r.Definition) {
			if _, ok := all[name]; ok && !slices.Contains(names, name) {
				names = append(names, name)
			}
			delete(all, name)
		}
		for name := range all {
			if !slices.Contains(others, name) {
				others = append(others, name)
			}
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

func numbers(values map[string]float64) map[string]Number {
	out := make(map[string]Number, len(values))
	for name, v := range values {
		out[name] = Number(v)
	}
	return out
}
