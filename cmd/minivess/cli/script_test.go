package cli_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/minivess/minivess/cmd/minivess/cli"
	"github.com/minivess/minivess/tools/toolstest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts from what is printed now")

// workerMode is the variable that tells the stand-in for the worker how to end.
const workerMode = "MINIVESS_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(workerMode) == "" {
		_ = os.Setenv(workerMode, "finish")
	}
	testscript.Main(m, map[string]func(){
		"minivess": func() {
			build := cli.Build{Version: "v1.2.3", Commit: "0123456789ab", Date: "2026-01-02T03:04:05Z"}
			os.Exit(cli.Main(build, os.Args[1:], cli.Process()))
		},
		"minivess-worker": worker,
	})
}

// worker stands in for the real one, which needs libtorch: it writes the same
// records at once.
func worker() {
	if len(os.Args) < 3 {
		fmt.Println("minivess-worker v1.2.3 (a stand-in for tests)")
		return
	}
	os.Exit(toolstest.Main(context.Background(), nil))
}

// TestScripts runs every script of testdata in a folder of its own, in an
// environment that knows neither a person's settings nor a language model.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			engine, err := filepath.Abs("../../../engine")
			if err != nil {
				return err
			}
			for key, value := range map[string]string{
				"HOME": home, "USER": "tester", "TERM": "xterm-256color", "MINIVESS_HOME": "",
				"MINIVESS_LLM_BASE_URL": "", "MINIVESS_LLM_MODEL": "", "MINIVESS_JOBS": "", workerMode: "finish",
				"WEIGHTS": filepath.Join(engine, "nn/weights/testdata"), // written by PyTorch and NumPy
				"BUNDLE":  filepath.Join(engine, "models/bundle/testdata/tiny"),
				"VOLUMES": filepath.Join(engine, "metrics/folder/testdata/volumes"), // written by nibabel
				"GORACE":  "atexit_sleep_ms=0",                                      // or the race detector lets every process linger for a second
			} {
				e.Setenv(key, value)
			}
			return os.Mkdir(home, 0o750)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"json":  jsonValue,
			"plain": plain,
		},
	})
}
