package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/runs"
)

// The environment by which a launcher speaks to its worker.
const (
	envTicket = "MINIVESS_TICKET"   // path of the inherited ticket, open as file 3
	envSlots  = "MINIVESS_MAX_JOBS" // jobs at work at the same time
	ticketFD  = 3
)

// workerFile is worker.json: who was started, until the started event says it.
type workerFile struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
}

// spawn starts the worker in a session of its own, so that neither closing
// the terminal nor Ctrl-C in it reaches the job.
func (l *Launcher) spawn(ctx context.Context, worker, id string, t *ticket) (int, error) {
	dir, err := filepath.Abs(l.Workspace.Run(id))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	log, err := os.OpenFile(filepath.Join(dir, runs.WorkerLog), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640) //nolint:gosec // colleagues may read a shared workspace
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	defer log.Close() //nolint:errcheck // nothing is written through this one

	cmd := exec.CommandContext(context.WithoutCancel(ctx), worker, "--run", dir)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{t.f}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), l.Env...)
	cmd.Env = append(cmd.Env, envTicket+"="+t.path, envSlots+"="+strconv.Itoa(max(l.MaxConcurrent, 1)))
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrWorker, err)
	}
	// Reaps the worker if we are still there when it ends. How it ended is
	// read from its journal, by us as by any other process.
	go cmd.Wait() //nolint:errcheck // see above
	return cmd.Process.Pid, nil
}

func writeWorkerFile(dir string, pid int) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	b, err := json.Marshal(workerFile{PID: pid, Host: host})
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, runs.WorkerFile), 0o640, append(b, '\n'))
}

func readWorkerFile(dir string) (workerFile, error) {
	var w workerFile
	b, err := os.ReadFile(filepath.Join(dir, runs.WorkerFile))
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal(b, &w)
}
