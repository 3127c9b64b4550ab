package cassette

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/minivess/minivess/engine/plainjson"
)

// A cassette is a file of JSON lines. The first says what it is, each other
// one holds a request and its answer. Objects have their keys in order, so
// that a recording made twice is the same file twice.
const (
	version     = 1
	maxFile     = 64 << 20
	contentType = "Content-Type"
)

type header struct {
	Version int   `json:"cassette"`
	Match   Match `json:"match"`
}

type interaction struct {
	Request  request  `json:"request"`
	Response response `json:"response"`
}

// request is what is kept of one: no host, no headers, no query, because keys
// live there and none of it says what was asked. A body that is JSON is kept
// as such, another as lines.
type request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	JSON   json.RawMessage `json:"json,omitempty"`
	Text   []string        `json:"text,omitempty"`
}

// response is what is kept of an answer.
type response struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	JSON   json.RawMessage   `json:"json,omitempty"`
	Text   []string          `json:"text,omitempty"`
}

// String names a request in an error.
func (r request) String() string { return fmt.Sprintf("%s %q", r.Method, r.Path) }

// http makes the answer anew.
func (r response) http(req *http.Request) *http.Response {
	body := []byte(r.JSON)
	if len(body) == 0 {
		body = []byte(strings.Join(r.Text, "\n"))
	}
	out := &http.Response{
		Status: strconv.Itoa(r.Status) + " " + http.StatusText(r.Status), StatusCode: r.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	for key, value := range r.Header {
		out.Header.Set(key, value)
	}
	return out
}

// canonical rewrites JSON so that equal documents are equal bytes, and tells
// whether it was JSON.
func canonical(raw []byte) (json.RawMessage, bool) {
	var v any
	if plainjson.Unmarshal(raw, &v) != nil {
		return nil, false
	}
	out, err := plainjson.Marshal(v)
	return out, err == nil
}

func encode(head header, tape []interaction) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(head); err != nil {
		return nil, fmt.Errorf("cassette: %w", err)
	}
	for i := range tape {
		if err := e.Encode(tape[i]); err != nil {
			return nil, fmt.Errorf("cassette: recording %d: %w", i+1, err)
		}
	}
	return b.Bytes(), nil
}

func load(path string) (header, []interaction, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, nil, fmt.Errorf("cassette: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return header{}, nil, fmt.Errorf("cassette: read %s: %w", path, err)
	}
	if len(raw) > maxFile {
		return header{}, nil, fmt.Errorf("%w: %s is larger than %d MiB", ErrFormat, path, maxFile>>20)
	}
	head, tape, err := decode(raw)
	if err != nil {
		return header{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	return head, tape, nil
}

// decode reads a cassette; errors give the line.
func decode(raw []byte) (header, []interaction, error) {
	head := header{}
	var tape []interaction
	for n, line := range bytes.Split(bytes.TrimRight(raw, "\n"), []byte("\n")) {
		var into any = &head
		if n > 0 {
			tape = append(tape, interaction{})
			into = &tape[n-1]
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			return header{}, nil, fmt.Errorf("%w: line %d: %w", ErrFormat, n+1, err)
		}
		if d.More() {
			return header{}, nil, fmt.Errorf("%w: line %d: more than one value", ErrFormat, n+1)
		}
		if n == 0 {
			if head.Version != version {
				return header{}, nil, fmt.Errorf("%w: line 1: version %d, want %d", ErrFormat, head.Version, version)
			}
			if err := head.Match.check(); err != nil {
				return header{}, nil, fmt.Errorf("line 1: %w", err)
			}
			continue
		}
		if err := tape[n-1].mend(); err != nil {
			return header{}, nil, fmt.Errorf("%w: line %d: %w", ErrFormat, n+1, err)
		}
	}
	return head, tape, nil
}

// mend checks a recording and brings hand-written JSON into its one form.
func (x *interaction) mend() error {
	if x.Request.Method == "" || !strings.HasPrefix(x.Request.Path, "/") {
		return fmt.Errorf("a request needs a method and a path, got %q %q", x.Request.Method, x.Request.Path)
	}
	if x.Response.Status < 100 || x.Response.Status > 999 {
		return fmt.Errorf("%d is not an HTTP status", x.Response.Status)
	}
	for _, raw := range []*json.RawMessage{&x.Request.JSON, &x.Response.JSON} {
		if len(*raw) > 0 {
			*raw, _ = canonical(*raw)
		}
	}
	return nil
}
