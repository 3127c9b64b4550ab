package worker

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/train"
)

// apply passes arrays through a network, for comparison with another
// implementation of it.
func apply(ctx context.Context, args []string, stderr io.Writer) int {
	var r train.ApplyRequest
	flags := flag.NewFlagSet("minivess-worker apply", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&r.Model, "model", "segresnet", "network")
	options := flags.String("options", "{}", "the network's options, as a JSON object")
	flags.StringVar(&r.Weights, "weights", "", "checkpoint to load")
	flags.StringVar(&r.Input, "input", "", "safetensors file with image and, for gradients, cotangent")
	flags.StringVar(&r.Output, "output", "", "safetensors file to write")
	flags.StringVar(&r.Save, "save", "", "file to write the weights to")
	flags.StringVar(&r.ONNX, "onnx", "", "file to export the network to")
	flags.IntVar(&r.Threads, "threads", 1, "threads")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 || r.Weights == "" || r.Input == "" || r.Output == "" {
		fmt.Fprintln(stderr, "minivess-worker apply needs --weights, --input and --output")
		return jobs.ExitBadSpec
	}
	err := json.Unmarshal([]byte(*options), &r.Options)
	if err != nil {
		err = fmt.Errorf("%w: --options: %w", train.ErrBadSpec, err)
	} else {
		err = train.Apply(ctx, r)
	}
	switch {
	case err == nil:
		return jobs.ExitDone
	case errors.Is(err, train.ErrBadSpec):
		fmt.Fprintln(stderr, err)
		return jobs.ExitBadSpec
	default:
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
}
