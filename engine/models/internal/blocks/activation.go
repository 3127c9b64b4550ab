package blocks

import (
	"fmt"
	"math"

	"github.com/minivess/minivess/engine/nn"
)

// The activations.
const (
	ReLU      = "relu"      // max(x, 0)
	ReLU6     = "relu6"     // min(max(x, 0), 6)
	LeakyReLU = "leakyrelu" // x if x > 0, else Value·x; Value is 0.01 unless given as negative_slope
	PReLU     = "prelu"     // the same with a trained slope, which starts at Value, 0.25 unless given as init
	ELU       = "elu"       // x if x > 0, else Value·(exp(x) − 1); Value is 1 unless given as alpha
	CELU      = "celu"      // x if x > 0, else Value·(exp(x/Value) − 1); Value as for elu
	SELU      = "selu"
	GELU      = "gelu"  // x·Φ(x), the exact form
	Swish     = "swish" // x·sigmoid(Value·x); Value as for elu
	Mish      = "mish"  // x·tanh(ln(1 + exp(x)))
	Sigmoid   = "sigmoid"
	Tanh      = "tanh"
)

// Activation is an element-wise function. In JSON it is its name, or a pair of
// the name and MONAI's arguments such as ["leakyrelu", {"negative_slope": 0.1}];
// "memswish" means swish, and inplace has no meaning here and is ignored.
type Activation struct {
	Name string
	// Value is the one number that some functions have; 0 means its default.
	Value float64
}

// activationArguments are the arguments that have a meaning here.
type activationArguments struct {
	Inplace     bool     `json:"inplace"`
	Slope       *float64 `json:"negative_slope"`
	Alpha       *float64 `json:"alpha"`
	Init        *float64 `json:"init"`
	Parameters  *int     `json:"num_parameters"`
	Approximate string   `json:"approximate"`
}

// UnmarshalJSON reads a name or a pair of name and arguments.
func (a *Activation) UnmarshalJSON(text []byte) error {
	var args activationArguments
	name, err := parseChoice(text, &args)
	if err != nil {
		return fmt.Errorf("act %w", err)
	}
	if name == "memswish" {
		name = Swish
	}
	if args.Parameters != nil && *args.Parameters != 1 {
		return fmt.Errorf("act %q has %d parameters, must have 1 for all channels", name, *args.Parameters)
	}
	if args.Approximate != "" && args.Approximate != "none" {
		return fmt.Errorf("act %q is approximated by %q, must be exact (none)", name, args.Approximate)
	}
	out := Activation{Name: name}
	for _, given := range []struct {
		argument string
		value    *float64
	}{{"negative_slope", args.Slope}, {"alpha", args.Alpha}, {"init", args.Init}} {
		if given.value == nil {
			continue
		}
		if given.argument != out.argument() {
			return fmt.Errorf("act %q has no %s", name, given.argument)
		}
		if *given.value == 0 {
			return fmt.Errorf("act %q with %s 0: take relu, or another value", name, given.argument)
		}
		out.Value = *given.value
	}
	*a = out
	return nil
}

// MarshalJSON writes the name, with the number when one was given.
func (a Activation) MarshalJSON() ([]byte, error) {
	args := make(map[string]any)
	if name := a.argument(); a.Value != 0 && name != "" {
		args[name] = a.Value
	}
	return formatChoice(a.Name, args)
}

// argument is MONAI's name of the function's number, "" when it has none.
func (a Activation) argument() string {
	switch a.Name {
	case LeakyReLU:
		return "negative_slope"
	case PReLU:
		return "init"
	case ELU, CELU, Swish:
		return "alpha"
	default:
		return ""
	}
}

// Check refuses a function that does not exist or whose number makes no sense.
func (a Activation) Check() error {
	if err := oneOf("act", a.Name, ReLU, ReLU6, LeakyReLU, PReLU, ELU, CELU, SELU, GELU, Swish, Mish, Sigmoid, Tanh); err != nil {
		return err
	}
	switch {
	case a.Value != 0 && a.argument() == "":
		return fmt.Errorf("act %s has no number, given %g", a.Name, a.Value)
	case math.IsNaN(a.Value) || math.IsInf(a.Value, 0):
		return fmt.Errorf("act %s: %s is %g", a.Name, a.argument(), a.Value)
	case a.Name == LeakyReLU && !(a.Value >= 0 && a.Value < 1):
		return fmt.Errorf("act %s: negative_slope is %g, must be at least 0 and below 1", a.Name, a.Value)
	case a.argument() == "alpha" && a.Value < 0:
		return fmt.Errorf("act %s: alpha is %g, must be above 0", a.Name, a.Value)
	}
	return nil
}

// Declare adds prefix.weight for PReLU and nothing for the others.
func (a Activation) Declare(d *Declaration, prefix string) {
	if a.Trained() {
		d.Add(prefix+".weight", nn.Shape{1}, nn.Filled(orElse(a.Value, 0.25)))
	}
}

// Trained reports whether the function has a parameter.
func (a Activation) Trained() bool { return a.Name == PReLU }

// Apply computes the function of every element of x; the prefix is where
// Declare put the parameter.
func (a Activation) Apply(g nn.Graph, x nn.Value, prefix string) nn.Value {
	op := nn.Activation{}
	switch a.Name {
	case PReLU:
		return nn.PReLU(g, x, prefix+".weight")
	case Swish:
		if a.Value != 0 && a.Value != 1 {
			return nn.Mul(g, x, nn.Sigmoid(g, nn.Scale(g, x, a.Value)))
		}
		op.Function = nn.ActSwish
	case LeakyReLU:
		op.Function, op.Slope = nn.ActLeakyReLU, orElse(a.Value, 0.01)
	case ELU:
		op.Function, op.Alpha = nn.ActELU, a.Value
	case CELU:
		op.Function, op.Alpha = nn.ActCELU, a.Value
	case SELU:
		op.Function = nn.ActSELU
	case GELU:
		op.Function = nn.ActGELU
	case Mish:
		op.Function = nn.ActMish
	case Sigmoid:
		op.Function = nn.ActSigmoid
	case Tanh:
		op.Function = nn.ActTanh
	case ReLU6:
		op.Function = nn.ActReLU6
	case ReLU:
		op.Function = nn.ActReLU
	}
	return g.Apply(op, x)
}
