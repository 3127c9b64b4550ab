package traces

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

func FuzzRead(f *testing.F) {
	golden, err := os.ReadFile("testdata/turn.golden.json")
	if err != nil {
		f.Fatal(err)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, golden); err != nil {
		f.Fatal(err)
	}
	f.Add(append(line.Bytes(), '\n'))
	f.Add([]byte("{}\n\n{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"value\":{\"doubleValue\":\"NaN\"}}]}]}]}]}\n"))
	f.Add([]byte("{\"resourceSpans\":[null]}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		failures := 0
		for s, err := range read(bytes.NewReader(data), "fuzzed") {
			if err != nil {
				failures++
				continue
			}
			if s.Attributes == nil {
				t.Error("a span without an attribute map")
			}
		}
		if lines := bytes.Count(data, []byte{'\n'}); failures > lines {
			t.Errorf("%d failures in %d lines", failures, lines)
		}
	})
}
