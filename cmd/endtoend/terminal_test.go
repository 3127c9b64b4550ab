package endtoend

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// terminal is a tmux session: a real terminal with a person at it.
type terminal struct {
	t      *testing.T
	socket string
}

// openTerminal starts tmux with a shell in the workspace's folder.
func openTerminal(t *testing.T, m minivess, width, height int) terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tmux is missing; .ci/run installs it")
		}
		t.Skip("tmux is not installed; the terminal program is also tested without it in package tui")
	}
	term := terminal{t, "minivess-" + rand.Text()}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), "-c", m.dir,
		"env MINIVESS_HOME= MINIVESS_LLM_BASE_URL= MINIVESS_LLM_MODEL= PS1='ready> ' TERM=screen-256color bash --norc --noprofile")
	t.Cleanup(func() { term.tmux("kill-server") })
	term.see("ready>")
	return term
}

func (x terminal) tmux(args ...string) string {
	x.t.Helper()
	out, err := exec.CommandContext(context.WithoutCancel(x.t.Context()), "tmux", append([]string{"-L", x.socket}, args...)...).CombinedOutput()
	if err != nil {
		x.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (x terminal) screen() string { return x.tmux("capture-pane", "-p") }

// say types a line and presses enter.
func (x terminal) say(text string) {
	x.t.Helper()
	x.tmux("send-keys", "-l", text)
	x.tmux("send-keys", "Enter")
}

func (x terminal) press(keys ...string) {
	x.t.Helper()
	x.tmux(append([]string{"send-keys"}, keys...)...)
}

// see waits until the screen shows all of the texts.
func (x terminal) see(texts ...string) string {
	x.t.Helper()
	var last string
	untilSaying(x.t, func() string { return fmt.Sprintf("%q on the screen, which is\n%s", texts, last) }, func() bool {
		last = x.screen()
		for _, text := range texts {
			if !strings.Contains(last, text) {
				return false
			}
		}
		return true
	})
	return last
}

// The recorded session: ask, approve, watch the curve, quit, come back, see
// the finished run.
func TestTerminalSession(t *testing.T) {
	t.Parallel()
	m := start(t)
	toy(t, m)
	x := openTerminal(t, m, 110, 32)
	x.say(m.bin)
	x.see("minivess", "Say what you want in plain words", "no runs yet")

	x.say("train a segresnet on toy for 300 steps with patch 16x16x16")
	x.see("train_launch", "a approve")
	x.press("a")
	x.see("running", "loss 0.", "steps/s")

	x.press("C-c")
	x.see("1 job goes on in the background", "ready>")

	x.say(m.bin)
	x.see("1 running")
	x.press("C-r")
	x.see("segresnet", "toy", "✓ finished")
	x.press("Enter")
	x.see("300/300", "loss 0.")
	x.press("C-c")
	x.see("ready>")
}

// minivess killed in the middle of a plan offers to go on when it is opened
// again, and does.
func TestKilledTerminalOffersToGoOn(t *testing.T) {
	t.Parallel()
	m := start(t)
	toy(t, m)
	x := openTerminal(t, m, 80, 24)
	x.say(m.bin)
	x.see("Say what you want in plain words")
	x.say("train a segresnet on toy for 200 steps with patch 16x16x16, then evaluate it on the test split")
	x.see("evaluate_run", "a approve")
	x.press("a")
	x.see("steps", "loss 0.")
	pid := strings.TrimSpace(x.tmux("display-message", "-p", "#{pane_pid}"))
	killChildren(t, pid)
	x.see("Killed")
	x.tmux("send-keys", "reset", "Enter")

	x.say(m.bin)
	x.see("stopped in the middle", "c continue")
	x.press("c")
	x.see("reaches a test") // the answer, which stays on the screen
	x.press("C-c")
	rows := sql[runRow](t, m, "select run_id, kind, state from runs order by created")
	if len(rows) != 2 || rows[0].State != "finished" || rows[1].Kind != "evaluate" || rows[1].State != "finished" {
		t.Errorf("runs: %+v", rows)
	}
}

// killChildren kills the program that a shell runs, as an out-of-memory kill
// would.
func killChildren(t *testing.T, shell string) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + shell + "/task/" + shell + "/children")
	if err != nil {
		t.Fatal(err)
	}
	for child := range strings.FieldsSeq(string(b)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}
