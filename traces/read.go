package traces

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"time"
)

// ErrLine says that a line of a trace file is no export request.
var ErrLine = errors.New("traces: not an OTLP/JSON export request")

// Span is one span as read back. Attribute values are string, bool, int64,
// float64, []any or map[string]any.
type Span struct {
	TraceID, SpanID, ParentID string
	Service, Name             string
	Start, End                time.Time
	Failed                    bool
	Message                   string
	Attributes                map[string]any
}

// Read lists the spans of a trace file in the order of writing. A line that
// cannot be read is yielded as an error that names it, and reading goes on; an
// unfinished last line, which is being written, ends the sequence quietly.
func Read(path string) iter.Seq2[Span, error] {
	return func(yield func(Span, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(Span{}, fmt.Errorf("traces: %w", err))
			return
		}
		defer file.Close() //nolint:errcheck // nothing was written
		for s, err := range read(file, path) {
			if !yield(s, err) {
				return
			}
		}
	}
}

// read lists the spans of r, which name names in errors.
func read(r io.Reader, name string) iter.Seq2[Span, error] {
	return func(yield func(Span, error) bool) {
		lines := bufio.NewReader(r)
		for n := 1; ; n++ {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Span{}, fmt.Errorf("traces: %w", err))
				return
			}
			spans, err := decode(line)
			if err != nil && !yield(Span{}, fmt.Errorf("%w: %q line %d: %w", ErrLine, name, n, err)) {
				return
			}
			for _, s := range spans {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

// decode reads one line.
func decode(line []byte) ([]Span, error) {
	var request exportRequest
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, err
	}
	var out []Span
	for _, r := range request.ResourceSpans {
		service, _ := decodeAttributes(r.Resource.Attributes)[KeyServiceName].(string)
		for _, scope := range r.ScopeSpans {
			for _, s := range scope.Spans {
				start, err := decodeTime(s.StartTimeUnixNano)
				if err != nil {
					return nil, err
				}
				end, err := decodeTime(s.EndTimeUnixNano)
				if err != nil {
					return nil, err
				}
				out = append(out, Span{
					TraceID: s.TraceID, SpanID: s.SpanID, ParentID: s.ParentSpanID, Service: service, Name: s.Name,
					Start: start, End: end, Failed: s.Status.Code == 2, Message: s.Status.Message,
					Attributes: decodeAttributes(s.Attributes),
				})
			}
		}
	}
	return out, nil
}

func decodeTime(nanos string) (time.Time, error) {
	n, err := strconv.ParseInt(nanos, 10, 64)
	return time.Unix(0, n), err
}

func decodeAttributes(list []keyValue) map[string]any {
	out := make(map[string]any, len(list))
	for _, kv := range list {
		out[kv.Key] = kv.Value.decode()
	}
	return out
}

func (v anyValue) decode() any {
	switch {
	case v.String != nil:
		return *v.String
	case v.Bool != nil:
		return *v.Bool
	case v.Int != nil:
		if n, err := strconv.ParseInt(*v.Int, 10, 64); err == nil {
			return n
		}
		return *v.Int
	case v.Double != nil:
		return float64(*v.Double)
	case v.Bytes != nil:
		return *v.Bytes
	case v.Array != nil:
		out := make([]any, len(v.Array.Values))
		for i, e := range v.Array.Values {
			out[i] = e.decode()
		}
		return out
	case v.Map != nil:
		return decodeAttributes(v.Map.Values)
	default:
		return nil
	}
}
