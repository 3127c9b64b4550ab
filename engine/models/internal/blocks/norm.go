package blocks

import (
	"fmt"

	"github.com/minivess/minivess/engine/nn"
)

// The normalisations.
const (
	NormGroup    = "group"    // over groups of channels of one sample
	NormInstance = "instance" // over each channel of one sample
	NormBatch    = "batch"    // over each channel of the batch, with running statistics
)

// PyTorch's defaults for normalisations.
const (
	defaultGroups   = 8 // SegResNet's, not PyTorch's: it has none
	defaultEpsilon  = 1e-5
	defaultMomentum = 0.1
)

// Norm is a normalisation. In JSON it is its name, or a pair of the name and
// MONAI's arguments such as ["instance", {"affine": true}]; "syncbatch" means
// batch and "instance_nvfuser" instance, which they are on one device. The zero
// fields mean the defaults below.
type Norm struct {
	Name string
	// Groups is the number of groups (num_groups), for NormGroup; 0 means 8.
	Groups int
	// Affine says whether there are a scale and an offset for every channel.
	// Nil means PyTorch's default: no for NormInstance, yes for the others.
	Affine *bool
	// Eps is added to the variance; 0 means 1e-5.
	Eps float64
	// Momentum is the share of the running statistics that each batch replaces,
	// for NormBatch; 0 means 0.1.
	Momentum float64
}

// normArguments are the arguments that have a meaning here.
type normArguments struct {
	Groups   int     `json:"num_groups"`
	Affine   *bool   `json:"affine"`
	Eps      float64 `json:"eps"`
	Momentum float64 `json:"momentum"`
	Tracks   *bool   `json:"track_running_stats"`
}

// UnmarshalJSON reads a name or a pair of name and arguments.
func (n *Norm) UnmarshalJSON(text []byte) error {
	var a normArguments
	name, err := parseChoice(text, &a)
	if err != nil {
		return fmt.Errorf("norm %w", err)
	}
	switch name {
	case "syncbatch":
		name = NormBatch
	case "instance_nvfuser":
		name = NormInstance
	}
	if a.Tracks != nil && *a.Tracks != (name == NormBatch) {
		return fmt.Errorf("norm %q with track_running_stats %v: running statistics are what batch has and the others have not", name, *a.Tracks)
	}
	*n = Norm{Name: name, Groups: a.Groups, Affine: a.Affine, Eps: a.Eps, Momentum: a.Momentum}
	return nil
}

// MarshalJSON writes the name, with the arguments that were given.
func (n Norm) MarshalJSON() ([]byte, error) {
	args := make(map[string]any)
	if n.Groups != 0 {
		args["num_groups"] = n.Groups
	}
	if n.Affine != nil {
		args["affine"] = *n.Affine
	}
	if n.Eps != 0 {
		args["eps"] = n.Eps
	}
	if n.Momentum != 0 {
		args["momentum"] = n.Momentum
	}
	return formatChoice(n.Name, args)
}

// WithAffine returns the normalisation with Affine filled in where it was left
// to the default, for models whose default is not PyTorch's.
func (n Norm) WithAffine(affine bool) Norm {
	if n.Affine == nil {
		n.Affine = &affine
	}
	return n
}

// Check refuses a normalisation that does not exist or that cannot divide that
// many channels.
func (n Norm) Check(channels int) error {
	if err := oneOf("norm", n.Name, NormGroup, NormInstance, NormBatch); err != nil {
		return err
	}
	switch {
	case n.Groups != 0 && n.Name != NormGroup:
		return fmt.Errorf("norm %s has no num_groups", n.Name)
	case n.Groups < 0:
		return fmt.Errorf("num_groups is %d, must be at least 1", n.Groups)
	case n.Name == NormGroup && channels%n.groups() != 0:
		return fmt.Errorf("%d channels cannot be normalised in %d groups (num_groups)", channels, n.groups())
	case !(n.Eps >= 0 && n.Eps < 1):
		return fmt.Errorf("norm's eps is %g, must be at least 0 and below 1", n.Eps)
	case !(n.Momentum >= 0 && n.Momentum <= 1):
		return fmt.Errorf("norm's momentum is %g, must lie between 0 and 1", n.Momentum)
	}
	return nil
}

// Declare adds weight and bias when there are any, and for NormBatch
// running_mean, running_var and num_batches_tracked, below the prefix.
func (n Norm) Declare(d *Declaration, prefix string, channels int) {
	if n.Name == NormBatch {
		d.params = append(d.params, nn.BatchNormParams(prefix, channels, n.affine())...)
		return
	}
	if n.affine() {
		d.Add(prefix+".weight", nn.Shape{channels}, nn.Ones())
		d.Add(prefix+".bias", nn.Shape{channels}, nn.Zeros())
	}
}

// Apply normalises x (N, C, X, Y, Z) with the parameters below the prefix.
func (n Norm) Apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	eps := orElse(n.Eps, defaultEpsilon)
	if n.Name == NormBatch {
		return nn.BatchNorm(g, x, prefix, n.affine(), nn.BatchNormOp{Eps: eps, Momentum: orElse(n.Momentum, defaultMomentum)})
	}
	var weight, bias string
	if n.affine() {
		weight, bias = prefix+".weight", prefix+".bias"
	}
	if n.Name == NormInstance {
		return nn.InstanceNorm(g, x, weight, bias, eps)
	}
	return nn.GroupNorm(g, x, weight, bias, n.groups(), eps)
}

func (n Norm) groups() int {
	if n.Groups == 0 {
		return defaultGroups
	}
	return n.Groups
}

func (n Norm) affine() bool {
	if n.Affine == nil {
		return n.Name != NormInstance
	}
	return *n.Affine
}

// orElse returns the value, or what stands for one that was left out.
func orElse(value, otherwise float64) float64 {
	if value == 0 {
		return otherwise
	}
	return value
}
