package train

import (
	"fmt"
	"strings"

	"github.com/minivess/minivess/engine/runs"
	"github.com/minivess/minivess/engine/train/selection"
	"github.com/minivess/minivess/engine/train/start"
)

// begin says what is trained, and takes the weights that a fresh run begins
// with. A resumed one has its own.
func (t *trainer) begin(previous *stored, chosen selection.Selection) error {
	trained, all := chosen.Counts()
	t.report.event(runs.EventNetwork, runs.Network{Parameters: all, Trained: trained, Frozen: len(chosen.Frozen), Summary: chosen.String()})
	if previous != nil || t.spec.Init == nil {
		return nil
	}
	ref := *t.spec.Init
	if err := unchanged("first weights", ref); err != nil {
		return err
	}
	n := start.Network{Config: t.net.config, Params: t.net.declared}
	if t.net.adapter != nil {
		n = start.Of(t.net.adapter)
	}
	state, report, err := n.Take(ref.Path, t.experiment.Init)
	if err != nil {
		return fail(CodeCheckpoint, "launch again with weights of this network, or with init.strict=false or init.ignore to take a part of them", err)
	}
	if _, err := t.net.LoadState(state, false); err != nil {
		return fail(CodeCheckpoint, "", fmt.Errorf("first weights %q: %w", ref.Path, err))
	}
	report.File, report.SHA256 = ref.Path, ref.SHA256
	t.report.event(runs.EventWeights, report)
	return nil
}

// unchanged refuses a file that is not what it was when the job was launched.
func unchanged(what string, ref runs.FileRef) error {
	sum, _, err := runs.Digest(ref.Path)
	if err != nil {
		return fail(CodeBadInput, "put the file back, or launch again", fmt.Errorf("%s: %w", what, err))
	}
	if ref.SHA256 != "" && sum != ref.SHA256 {
		return fail(CodeBadInput, "launch again to use the file as it is now",
			fmt.Errorf("%s: %q has changed since the launch: its SHA-256 is %.12s…, was %.12s…", what, ref.Path, sum, ref.SHA256))
	}
	return nil
}

// unused warns, once, of parameters that the loss does not reach, unless some
// outputs are not to count.
func (t *trainer) unused() {
	if t.warned || t.net.uncounted || len(t.optimise.idle) == 0 {
		return
	}
	t.warned = true
	const shown = 3
	idle := t.optimise.idle
	more := ""
	if len(idle) > shown {
		idle, more = idle[:shown], " and others"
	}
	t.report.warn("%d parameters have no gradient, since the loss does not depend on them, and stay as they are: %s%s",
		len(t.optimise.idle), strings.Join(idle, ", "), more)
}
