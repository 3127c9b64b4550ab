package onnx_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minivess/minivess/engine/nn/nntest"
	"github.com/minivess/minivess/engine/nn/onnx"
)

// limitedPath, in the environment, makes the test binary export to that path
// where no file may grow beyond a few kilobytes.
const limitedPath = "MINIVESS_TEST_LIMITED_PATH"

func TestMain(m *testing.M) {
	path := os.Getenv(limitedPath)
	if path == "" {
		os.Exit(m.Run())
	}
	if err := exportLimited(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, syscall.EFBIG) {
			os.Exit(3)
		}
		os.Exit(1)
	}
}

func exportLimited(path string) error {
	signal.Ignore(syscall.SIGXFSZ) // the write is to fail, not the process
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 10 << 10, Max: 10 << 10}); err != nil {
		return err
	}
	weights, err := nntest.Weights(thick{}.TrainableParameters())
	if err != nil {
		return err
	}
	_, err = onnx.ExportFile(path, thick{}, weights, onnx.Spec{Patch: [3]int{4, 4, 4}},
		onnx.FileOptions{External: strings.HasSuffix(path, "-external.onnx"), Overwrite: true})
	return err
}

// A disk that fills up leaves what was there, and no part of what was not.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one.onnx", "two-external.onnx"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		var left []string
		if name == "one.onnx" {
			if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			left = []string{name}
		}
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), limitedPath+"="+path)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), name) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if got := names(t, dir); !slices.Equal(got, left) {
			t.Errorf("%s: left behind: %q", name, got)
		}
	}
}
