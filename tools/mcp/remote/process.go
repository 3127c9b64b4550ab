package remote

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long a server may take to end before it is made to, and
// again before it is killed.
const patience = 2 * time.Second

// process is a server that was started: a process group of its own, so that
// what it starts ends with it.
type process struct {
	in    io.WriteCloser
	out   io.ReadCloser
	words *tail
	cmd   *exec.Cmd
	gone  chan struct{} // closed when it has ended
}

// startProcess starts a server's command. It sees little of minivess's
// environment: what programs need to run, and what the configuration names.
func startProcess(ctx context.Context, s Server, o Options) (*process, error) {
	env, err := environment(s.Env, o.Getenv)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.Command, s.Args...)
	cmd.Dir, cmd.Env = o.Dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience
	words := &tail{}
	cmd.Stderr = words
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	// Not StdoutPipe: its reading end would be closed at the end of the process,
	// with the last answer perhaps still in it.
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting it: %w", err)
	}
	cmd.Stdout = theirs
	err = cmd.Start()
	_ = theirs.Close() // the child has its own
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("starting it: %w", err)
	}
	p := &process{in: in, out: out, words: words, cmd: cmd, gone: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended shows in what it failed to answer
		close(p.gone)
	}()
	return p, nil
}

// end asks the process to end by closing its input, then by a signal, then
// kills it. It returns when it is gone.
func (p *process) end() {
	_ = p.in.Close()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if p.goneWithin(patience) {
			break
		}
		_ = syscall.Kill(-p.cmd.Process.Pid, signal)
	}
	<-p.gone
	// What it started may have outlived it.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.out.Close()
}

func (p *process) goneWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.gone:
		return true
	case <-timer.C:
		return false
	}
}

// environment is what a server's process sees. A value ${NAME} is replaced.
func environment(wanted map[string]string, getenv func(string) string) ([]string, error) {
	var env []string
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TZ", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v := getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	for name, value := range wanted {
		if ref, ok := strings.CutPrefix(value, "${"); ok && strings.HasSuffix(ref, "}") {
			ref = strings.TrimSuffix(ref, "}")
			if value = getenv(ref); value == "" {
				return nil, fmt.Errorf("env: %s is to be ${%s}, which is not set", name, ref)
			}
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// tail keeps the end of what was written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	t.kept = t.kept[max(0, len(t.kept)-most):]
	return len(b), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// lastWords is what the process wrote to stderr last, as the end of a sentence.
func (p *process) lastWords() string {
	lines := strings.FieldsFunc(p.words.String(), func(r rune) bool { return r == '\n' })
	lines = lines[max(0, len(lines)-3):]
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("; its last words: %q", clip(strings.Join(lines, " / "), 400))
}
