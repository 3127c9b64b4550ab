package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits runs a command that must end with this very exit code:
//
//	exits 2 minivess nosuch
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT …]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d; want %d", code, want)
	}
}

// jsonValue checks that the last command printed exactly one JSON value, and
// what stands at a path in it; a list's length stands at its path with len:
//
//	json
//	json plan.0.tool train_launch
//	json plan.len 2
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 && len(args) != 2 {
		ts.Fatalf("usage: json [PATH VALUE]")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		ts.Fatalf("stdout is not JSON: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("stdout holds more than one JSON value")
	}
	if len(args) == 0 {
		return
	}
	got, err := at(value, strings.Split(args[0], "."))
	if err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	if got != args[1] {
		ts.Fatalf("%s is %s; want %s", args[0], got, args[1])
	}
}

// at returns what stands at a path: text as it is, anything else as JSON.
func at(value any, path []string) (string, error) {
	for _, key := range path {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[key]
			if !ok {
				return "", fmt.Errorf("there is no %q", key)
			}
			value = next
		case []any:
			i, err := strconv.Atoi(key)
			switch {
			case key == "len":
				value = json.Number(strconv.Itoa(len(v)))
			case err != nil || i < 0 || i >= len(v):
				return "", fmt.Errorf("no entry %q in a list of %d", key, len(v))
			default:
				value = v[i]
			}
		default:
			return "", fmt.Errorf("there is nothing below %q", key)
		}
	}
	if text, ok := value.(string); ok {
		return text, nil
	}
	b, err := json.Marshal(value)
	return string(b), err
}

// plain checks that neither stream of the last command could drive a terminal.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: plain")
	}
	for _, stream := range []string{"stdout", "stderr"} {
		for i, r := range ts.ReadFile(stream) {
			if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e {
				ts.Fatalf("%s has the control character %q at byte %d", stream, r, i)
			}
		}
	}
}
