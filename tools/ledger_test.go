package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/minivess/minivess/engine/journal"
	"github.com/minivess/minivess/tools"
	"github.com/minivess/minivess/tools/toolstest"
)

func standard(dir string) []tools.Gate {
	n := 0
	return tools.StandardGates(tools.GateOptions{
		Audit: filepath.Join(dir, "audit.jsonl"),
		NewID: func() string { n++; return fmt.Sprint("auto-", n) },
		Now:   clock,
		Trace: tools.TraceOptions{Tracer: noop.NewTracerProvider().Tracer("")},
	})
}

// TestMain lets the test binary be one of the processes of the tests with
// several.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TOOLS_TEST_SECOND_PROCESS"); dir != "" {
		os.Exit(secondProcess(dir))
	}
	if what := os.Getenv(purseProcessEnv); what != "" {
		os.Exit(purseProcess(what))
	}
	os.Exit(toolstest.Main(context.Background(), m))
}

const callsEach = 10

// secondProcess makes calls whose approvals are the same in every process, so
// only one process may carry each of them out.
func secondProcess(dir string) int {
	p := &paint{effect: tools.Write}
	r := tools.NewRegistry(standard(dir)...)
	if err := tools.Register(r, p); err != nil {
		fmt.Println(err)
		return 1
	}
	for i := range callsEach {
		args := json.RawMessage(fmt.Sprintf(`{"room":"room %d"}`, i))
		ctx := tools.WithApproval(context.Background(), approve(tools.Fingerprint("paint", args)))
		_, err := r.Invoke(ctx, tools.Call{Tool: "paint", Args: args}, nil)
		if err != nil && tools.AsError(err).Code != tools.CodeNeedsApproval {
			fmt.Println(err)
			return 1
		}
	}
	fmt.Println("did", p.did)
	return 0
}

func TestTwoProcessesOnOneWorkspace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	did := make([]int, 2)
	for i := range did {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "TOOLS_TEST_SECOND_PROCESS="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
				return
			}
			if _, err := fmt.Sscanf(string(out), "did %d", &did[i]); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	if did[0]+did[1] != callsEach {
		t.Errorf("the processes acted %v times, want %d in all: each approval holds once", did, callsEach)
	}
	if err := tools.NewAuditLog(filepath.Join(dir, "audit.jsonl"), clock).Verify(); err != nil {
		t.Error(err)
	}
	entries := 0
	for _, err := range journal.Read(filepath.Join(dir, "audit.jsonl"), 0) {
		if err != nil {
			t.Fatal(err)
		}
		entries++
	}
	if entries != 4*callsEach {
		t.Errorf("%d audit entries, want %d", entries, 4*callsEach)
	}
}

func TestStandardGatesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := json.RawMessage(hall)
	call := tools.Call{ID: "thread/1/1", Tool: "paint", Args: args}
	ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
	first := &paint{effect: tools.Write}
	want, err := newPaint(t, first, standard(dir)...).Invoke(ctx, call, nil)
	if err != nil {
		t.Fatal(err)
	}
	second := &paint{effect: tools.Write}
	got, err := newPaint(t, second, standard(dir)...).Invoke(t.Context(), call, nil)
	if err != nil || string(got.Value) != string(want.Value) || second.did != 0 {
		t.Errorf("repeated: did %d, %+v, %v", second.did, got, err)
	}
	_, err = newPaint(t, second, standard(dir)...).Invoke(ctx, tools.Call{ID: "thread/1/2", Tool: "paint", Args: args}, nil)
	if e := tools.AsError(err); e == nil || e.Code != tools.CodeNeedsApproval || second.did != 0 {
		t.Errorf("the approval was used again after a restart: did %d, %v", second.did, err)
	}
}

func TestATamperedTrailIsRefused(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func([]byte) []byte{
		"a changed word":   func(b []byte) []byte { return []byte(strings.Replace(string(b), `"ada"`, `"eve"`, 1)) },
		"a line cut out":   func(b []byte) []byte { _, rest, _ := strings.Cut(string(b), "\n"); return []byte(rest) },
		"the end cut off":  func(b []byte) []byte { return b[:strings.LastIndex(strings.TrimRight(string(b), "\n"), "\n")+1] },
		"everything gone":  func([]byte) []byte { return nil },
		"something before": func(b []byte) []byte { return append([]byte("{}\n"), b...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "audit.jsonl")
			args := json.RawMessage(hall)
			ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
			p := &paint{effect: tools.Write}
			if _, err := newPaint(t, p, standard(dir)...).Invoke(ctx, tools.Call{ID: "1", Tool: "paint", Args: args}, nil); err != nil {
				t.Fatal(err)
			}
			log := tools.NewAuditLog(path, clock)
			if err := log.Verify(); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tamper(before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := log.Verify(); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("verify: %v", err)
			}
			args = json.RawMessage(`{"room":"attic"}`)
			ctx = tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
			_, err = newPaint(t, p, standard(dir)...).Invoke(ctx, tools.Call{ID: "2", Tool: "paint", Args: args}, nil)
			if e := tools.AsError(err); e == nil || e.Code != tools.CodeRefused || p.did != 1 || tools.ExitCode(err) != tools.ExitRefused {
				t.Errorf("did %d, %v", p.did, err)
			}
		})
	}
}

func TestADamagedLedgerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "calls.jsonl"), []byte("nonsense\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := json.RawMessage(hall)
	p := &paint{effect: tools.Launch}
	for _, id := range []string{"", "1"} {
		ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
		_, err := newPaint(t, p, standard(dir)...).Invoke(ctx, tools.Call{ID: id, Tool: "paint", Args: args}, nil)
		if e := tools.AsError(err); e == nil || e.Code != tools.CodeRefused || p.did != 0 {
			t.Errorf("id %q: did %d, %v", id, p.did, err)
		}
	}
}

func TestAnUnwritableTrailRefusesChangesAndAllowsReading(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not there")
	args := json.RawMessage(hall)
	ctx := tools.WithApproval(t.Context(), approve(tools.Fingerprint("paint", args)))
	p := &paint{effect: tools.Destroy}
	_, err := newPaint(t, p, standard(dir)...).Invoke(ctx, tools.Call{Tool: "paint", Args: args}, nil)
	if e := tools.AsError(err); e == nil || e.Code != tools.CodeRefused || p.did != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("did %d, %v", p.did, err)
	}
	if _, err := newPaint(t, &paint{effect: tools.Read}, standard(dir)...).Invoke(t.Context(), tools.Call{Tool: "paint", Args: args}, nil); err != nil {
		t.Errorf("reading: %v", err)
	}
}
