package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/minivess/minivess/engine/nn/ort"
	"github.com/minivess/minivess/engine/workspace"
)

// A finding is one line of the doctor's report.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Mend   string `json:"mend,omitempty"`
	Needed bool   `json:"needed"` // minivess cannot do its main job without it
}

func newDoctor(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is there, what is missing, and the command that mends it",
		Args:  takes(0, 0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return env.doctor(cmd.Context()) },
	}
}

func (env *environment) doctor(ctx context.Context) error {
	findings := []finding{
		env.checkWorker(ctx), env.checkTorch(), env.checkONNX(), env.checkWorkspace(), env.checkDisk(), env.checkMemory(), env.checkModel(),
	}
	missing := 0
	for i, f := range findings {
		if f.OK {
			findings[i].Mend = ""
		} else if f.Needed {
			missing++
		}
	}
	if env.JSON {
		if err := env.printJSON(findings); err != nil {
			return err
		}
	} else {
		_, _ = fmt.Fprintf(env.Streams.Out, "minivess %s · %s/%s · %d cores\n", env.Build.Version, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
		for _, f := range findings {
			mark := "✓"
			if !f.OK {
				mark = "✗"
			}
			_, _ = fmt.Fprintf(env.Streams.Out, "  %s %-14s %s\n", mark, f.Name, printable(f.Found))
			if !f.OK && f.Mend != "" {
				_, _ = fmt.Fprintf(env.Streams.Out, "      mend: %s\n", f.Mend)
			}
		}
	}
	if missing > 0 {
		return &silentError{ExitFailed}
	}
	return nil
}

// checkWorker starts the worker, which is the real test that libtorch loads.
func (env *environment) checkWorker(ctx context.Context) finding {
	f := finding{Name: "worker", Needed: true, Mend: "make build"}
	path, err := workerPath()
	if err != nil {
		f.Found = "minivess-worker is neither beside minivess nor in PATH"
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "version").CombinedOutput()
	if err != nil {
		f.Found = fmt.Sprintf("%s does not start: %v: %.200s", path, err, strings.TrimSpace(string(out)))
		f.Mend = "make native build"
		return f
	}
	f.OK, f.Found = true, strings.TrimSpace(string(out))
	return f
}

func (env *environment) checkTorch() finding {
	return env.checkNative("libtorch", filepath.Join(env.Build.Native, "torch/lib/libtorch_cpu.so"), "libtorch 2.1.0 (CPU)", true)
}

func (env *environment) checkONNX() finding {
	return env.checkNative("onnxruntime", ort.LibraryPath(env.Build.Native), "ONNX Runtime 1.27.0", false)
}

func (env *environment) checkNative(name, file, what string, needed bool) finding {
	f := finding{Name: name, Needed: needed, Mend: "make native"}
	if env.Build.Native == "" {
		f.Found, f.Mend = "this binary was built without the Makefile, so it does not know where to look", "make build"
		return f
	}
	if _, err := os.Stat(file); err != nil {
		f.Found = "not in " + env.Build.Native
		return f
	}
	f.OK, f.Found = true, what+" in "+env.Build.Native
	return f
}

func (env *environment) checkWorkspace() finding {
	f := finding{Name: "workspace", Needed: false}
	ws, err := env.existing()
	named := env.Dir != "" || env.Streams.Getenv("MINIVESS_HOME") != ""
	switch {
	case errors.Is(err, workspace.ErrNotFound) && !named:
		f.OK, f.Found = true, "none yet; the first thing that is kept makes .minivess here"
	case err != nil:
		f.Needed, f.Found, f.Mend = true, complaintOf(err).Message, "name another folder with --workspace or MINIVESS_HOME, or make one with minivess init FOLDER"
	default:
		f.OK, f.Found = true, ws.Root()
		if err := unix.Access(ws.Root(), unix.W_OK); err != nil {
			f.OK, f.Needed, f.Found, f.Mend = false, true, ws.Root()+" cannot be written", "chown or chmod it, or use another folder with --workspace"
		}
	}
	return f
}

func (env *environment) checkDisk() finding {
	const want = 2 << 30
	f := finding{Name: "disk", Mend: "free some space, or use a folder on a larger disk with --workspace"}
	var st unix.Statfs_t
	if err := unix.Statfs(env.workDir(), &st); err != nil {
		f.Found = err.Error()
		return f
	}
	free := int64(st.Bavail) * st.Bsize
	f.OK, f.Found = free >= want, bytesText(free)+" free"
	return f
}

func (env *environment) checkMemory() finding {
	const want = 4 << 30
	f := finding{Name: "memory", Mend: "use a smaller batch or patch; the plan shows what a run needs"}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		f.Found = err.Error()
		return f
	}
	total := int64(info.Totalram) * int64(info.Unit)
	f.OK, f.Found = total >= want, bytesText(total)
	return f
}

// workerPath finds minivess-worker beside this binary, else in PATH.
func workerPath() (string, error) {
	if self, err := os.Executable(); err == nil {
		if target, err := filepath.EvalSymlinks(self); err == nil {
			beside := filepath.Join(filepath.Dir(target), "minivess-worker")
			if _, err := os.Stat(beside); err == nil {
				return beside, nil
			}
		}
	}
	path, err := exec.LookPath("minivess-worker")
	if err != nil {
		return "", fmt.Errorf("finding minivess-worker: %w", err)
	}
	return path, nil
}
