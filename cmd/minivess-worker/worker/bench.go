package worker

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"github.com/minivess/minivess/engine/config"
	"github.com/minivess/minivess/engine/jobs"
	"github.com/minivess/minivess/engine/train"
)

// bench times training steps or predictions and prints what they take as JSON.
func bench(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("minivess-worker bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	model := flags.String("model", "segresnet", "network")
	filters := flags.String("filters", "8", "channels of the first convolution")
	batch := flags.String("batch", "2", "patches in a step")
	patch := flags.String("patch", "32x64x64", "voxels of a patch")
	precision := flags.String("precision", "float32", "float32 or bfloat16")
	steps := flags.Int("steps", 10, "steps to time")
	threads := flags.String("threads", "0", "threads, 0 for one each core")
	forward := flags.Bool("forward", false, "time predictions instead of training steps")
	var settings []string
	flags.Func("set", "another setting of the experiment, such as model.options.strides=[1,2,2]", func(s string) error {
		settings = append(settings, s)
		return nil
	})
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return jobs.ExitBadSpec
	}
	r, err := config.Resolve(config.OverridesLayer(append([]string{
		"model.name=" + *model, "init_filters=" + *filters, "batch_size=" + *batch, "patch_size=" + *patch,
		"precision=" + *precision, "threads=" + *threads, "device=cpu",
	}, settings...)))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return jobs.ExitBadSpec
	}
	b, err := train.Bench(ctx, r.Experiment, train.BenchRequest{Steps: *steps, Forward: *forward})
	if err == nil {
		err = json.NewEncoder(stdout).Encode(b)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	return exitCode(err)
}
