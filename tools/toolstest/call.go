package toolstest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/minivess/minivess/tools"
)

// Call runs a tool that has to succeed and decodes its value.
func Call[Out any](t *testing.T, r *tools.Registry, tool, args string) (Out, tools.Result) {
	t.Helper()
	res, err := r.Invoke(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)}, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", tool, args, err)
	}
	var out Out
	if err := json.Unmarshal(res.Value, &out); err != nil {
		t.Fatal(err)
	}
	return out, res
}

// Refusal runs a tool that has to fail.
func Refusal(t *testing.T, r *tools.Registry, tool, args string) *tools.Error {
	t.Helper()
	_, err := r.Invoke(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)}, nil)
	return asError(t, tool, args, err)
}

// Preview previews a call that has to be possible.
func Preview(t *testing.T, r *tools.Registry, tool, args string) tools.Preview {
	t.Helper()
	p, err := r.Preview(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)})
	if err != nil {
		t.Fatalf("%s %s: %v", tool, args, err)
	}
	return p
}

// Objection previews a call that has to be refused already then.
func Objection(t *testing.T, r *tools.Registry, tool, args string) *tools.Error {
	t.Helper()
	_, err := r.Preview(t.Context(), tools.Call{Tool: tool, Args: json.RawMessage(args)})
	return asError(t, tool, args, err)
}

func asError(t *testing.T, tool, args string, err error) *tools.Error {
	t.Helper()
	var e *tools.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s %s: got %v, want an error", tool, args, err)
	}
	return e
}
