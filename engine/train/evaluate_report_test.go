package train

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/engine/runs"
)

// The report lies where the specification says, with pictures of the worst.
func TestEvaluationHasAReport(t *testing.T) {
	volumes := testSplit(balls(t))
	spec := judging(t, trainedOn(t, slim(), balls(t)), volumes, "dice", "hd95")
	worst := 2
	spec.Evaluate.Worst = &worst
	dir := workFolder(t, spec)
	n, err := attempt(t.Context(), t, dir, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := of[runs.Warning](t, n, runs.EventWarning); len(w) > 0 {
		t.Errorf("%+v", w)
	}
	page, err := os.ReadFile(filepath.Join(dir, runs.ReportFile))
	if err != nil || !bytes.Contains(page, []byte("calm-heron-0001")) {
		t.Fatalf("%d bytes, %v", len(page), err)
	}
	pictured, files := map[string]bool{}, 0
	for _, a := range of[runs.Artifact](t, n, runs.EventArtifact) {
		if a.Role == rolePicture {
			files++
			id, _, _ := strings.Cut(filepath.Base(a.Path), "_")
			pictured[id] = true
		}
	}
	if len(pictured) != worst || files < 2*worst {
		t.Errorf("%d pictures of %v", files, pictured)
	}
}
