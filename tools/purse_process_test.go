package tools_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/tools"
)

// purseProcessEnv makes the test binary a process that spends: what it does
// there, and from which purse.
const purseProcessEnv = "TOOLS_TEST_PURSE_PROCESS"

// dayLaunches is the budget that all the processes have together.
const dayLaunches = 300

func dayLimits() tools.Limits {
	return tools.Limits{Day: tools.Limit{Launches: new(int64(dayLaunches)), Seconds: new(float64(1000 * dayLaunches))}}
}

// purseProcess spends one launch after the other until it is refused and says
// of each which it was; some it gives back. Calls named "shared" are the same
// in every process. A holder says "holding" when it has the purse and then
// stands still, with half a record written if it is to tear the purse.
func purseProcess(what string) int {
	role, path, _ := strings.Cut(what, ":")
	if role != "spender" {
		purse := tools.NewPurse(path, func() time.Time { hold(role == "tearer", path); return noon })
		_, err := purse.Spend(context.Background(), tools.Charge{Tool: "paint", Launches: 1}, dayLimits())
		fmt.Println("error", err)
		return 1
	}
	purse := tools.NewPurse(path, func() time.Time { return noon })
	for i := 0; ; i++ {
		call := fmt.Sprintf("%d/%d", os.Getpid(), i)
		if i%4 == 1 {
			call = fmt.Sprintf("shared/%d", i)
		}
		id, err := spend(purse, call)
		switch {
		case err != nil && strings.Contains(err.Error(), "budget of this day"):
			return 0
		case err != nil:
			fmt.Println("error", err)
			return 1
		case i%4 == 3:
			if err := purse.GiveBack(context.Background(), id); err != nil {
				fmt.Println("error", err)
				return 1
			}
		default:
			fmt.Println("spent", id)
		}
	}
}

func spend(p *tools.Purse, call string) (int64, error) {
	return p.Spend(context.Background(), tools.Charge{Call: call, Tool: "paint", Launches: 1, Seconds: 900}, dayLimits())
}

// hold keeps the purse, which is locked when its clock is asked.
func hold(tear bool, path string) {
	if tear {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(`{"seq":7,"time":"2026-03-01T12:00:00Z","kind":"spent","da`)
		}
		if err != nil {
			fmt.Println("error", err)
		}
	}
	fmt.Println("holding")
	select {}
}

// spender is one of the processes.
type spender struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func startSpender(t *testing.T, role, path string) spender {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), purseProcessEnv+"="+role+":"+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return spender{cmd, bufio.NewReader(out)}
}

// read gathers what a process says it has spent, until it ends; it may be
// killed after so many lines.
func (s spender) read(t *testing.T, killAfter int) (spent []int64) {
	t.Helper()
	for {
		line, err := s.out.ReadString('\n')
		if err != nil {
			break
		}
		id, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "spent ")), 10, 64)
		if err != nil {
			t.Errorf("a process says %q", line)
		}
		spent = append(spent, id)
		if killAfter > 0 && len(spent) == killAfter {
			_ = s.cmd.Process.Kill()
		}
	}
	if err := s.cmd.Wait(); err != nil && killAfter == 0 {
		t.Errorf("a process ended with %v", err)
	}
	return spent
}

// TestManyProcessesOnOneBudget has processes hammer the budget of one day, with
// some of them killed at work and some while they hold the purse. What was
// granted is never more than there is, at no moment; nothing that a process was
// granted is forgotten; and the purse stays usable to the last launch.
func TestManyProcessesOnOneBudget(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), tools.PurseName)
	for _, role := range []string{"holder", "tearer"} {
		s := startSpender(t, role, path)
		if line, err := s.out.ReadString('\n'); err != nil || line != "holding\n" {
			t.Fatalf("%s: %q, %v", role, line, err)
		}
		if held, err := journal.Locked(path); err != nil || !held {
			t.Fatalf("%s: the purse is locked: %v, %v", role, held, err)
		}
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, s.out); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait()
	}
	kills := []int{0, 0, 0, 0, 2, 4}
	var all sync.WaitGroup
	spent := make([][]int64, len(kills))
	for i, killAfter := range kills {
		s := startSpender(t, "spender", path)
		all.Go(func() { spent[i] = s.read(t, killAfter) })
	}
	holder := startSpender(t, "holder", path) // in the midst of them
	if line, err := holder.out.ReadString('\n'); err != nil || line != "holding\n" {
		t.Fatalf("the holder: %q, %v", line, err)
	}
	if err := holder.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.cmd.Wait()
	all.Wait()

	purse := tools.NewPurse(path, func() time.Time { return noon })
	for i := 0; ; i++ { // what was given back after the others had been refused
		id, err := spend(purse, fmt.Sprint("last/", i))
		if err != nil {
			refusedByDay(t, err)
			break
		}
		spent = append(spent, []int64{id})
	}
	counted := neverOverspent(t, path)
	if len(counted) != dayLaunches {
		t.Errorf("%d launches count in the end, want %d", len(counted), dayLaunches)
	}
	granted := slices.Concat(spent...)
	for _, id := range granted {
		if !counted[id] {
			t.Errorf("launch %d was granted and does not count", id)
		}
	}
	// A process that is killed may have been granted one that it did not say.
	killed := slices.DeleteFunc(kills, func(after int) bool { return after == 0 })
	slices.Sort(granted)
	if unsaid := len(counted) - len(slices.Compact(granted)); unsaid > len(killed) {
		t.Errorf("%d launches count that nobody was granted", unsaid)
	}
}

func refusedByDay(t *testing.T, err error) {
	t.Helper()
	if !strings.Contains(err.Error(), "budget of this day") {
		t.Fatal(err)
	}
}

// neverOverspent goes through the ledger and returns what counts at its end.
func neverOverspent(t *testing.T, path string) map[int64]bool {
	t.Helper()
	counted, calls := map[int64]bool{}, map[string]int64{}
	for rec, err := range journal.Read(path, 0) {
		if err != nil {
			t.Fatal(err)
		}
		switch rec.Kind {
		case "spent":
			var c tools.Charge
			if err := rec.Decode(&c); err != nil {
				t.Fatal(err)
			}
			if before, twice := calls[c.Call]; twice && c.Call != "" && counted[before] {
				t.Errorf("call %s is counted twice, as %d and %d", c.Call, before, rec.Seq)
			}
			counted[rec.Seq], calls[c.Call] = true, rec.Seq
		case "given_back":
			var b struct {
				Of int64 `json:"of"`
			}
			if err := rec.Decode(&b); err != nil {
				t.Fatal(err)
			}
			delete(counted, b.Of)
		}
		if len(counted) > dayLaunches {
			t.Fatalf("after record %d, %d launches count, of %d", rec.Seq, len(counted), dayLaunches)
		}
	}
	return counted
}
