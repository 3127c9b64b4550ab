package serve

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/models"
	"github.com/minivess/minivess/engine/nn"
	"github.com/minivess/minivess/tools"
)

//go:embed model_list.md
var listDoc string

// ListIn has no arguments.
type ListIn struct{}

// ListOut is what can be trained.
type ListOut struct {
	tools.Line
	Models []Network `json:"models" jsonschema:"the networks"`
}

// Network is one network that can be trained.
type Network struct {
	Model      string          `json:"model" jsonschema:"name of the network"`
	About      string          `json:"about" jsonschema:"what it is"`
	Parameters int64           `json:"parameters" jsonschema:"number of weights with the default options"`
	Divisor    [3]int          `json:"divisor" jsonschema:"what each side of a patch must be a multiple of, with the default options"`
	Options    []models.Option `json:"options" jsonschema:"what can be set, with the defaults"`
	Small      map[string]any  `json:"small,omitempty" jsonschema:"options of a configuration that trains in minutes without an accelerator"`
}

type modelList struct{}

func (modelList) Spec() tools.Spec {
	return tools.Spec{Name: "model_list", Family: family, Effect: tools.Read, Doc: listDoc}
}

func (modelList) Preview(context.Context, ListIn) (tools.Preview, error) {
	return tools.Preview{Summary: "list the networks that can be trained"}, nil
}

func (modelList) Run(context.Context, ListIn, func(tools.Progress)) (ListOut, error) {
	out := ListOut{Models: []Network{}}
	var words []string
	for _, name := range models.Names() {
		d, err := models.Describe(name)
		if err != nil {
			return ListOut{}, asError(err)
		}
		m, err := models.New(name, nil)
		if err != nil {
			return ListOut{}, asError(err)
		}
		n := Network{
			Model: name, About: d.Summary, Parameters: nn.CountElements(m.TrainableParameters()), Divisor: m.Config().Divisor,
			Options: d.Options, Small: d.Small,
		}
		out.Models = append(out.Models, n)
		words = append(words, fmt.Sprintf("%s (%s)", name, millions(n.Parameters)))
	}
	out.Summary = fmt.Sprintf("%s: %s", tools.Count(len(words), "network"), strings.Join(words, ", "))
	return out, nil
}

func millions(parameters int64) string {
	return fmt.Sprintf("%.2f M parameters", float64(parameters)/1e6)
}
