// Package plainjson writes JSON as people read it and reads JSON without
// changing it: <, > and & stay as they are, and so do numbers.
package plainjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// ErrTrailing says that something follows the value.
var ErrTrailing = errors.New("something follows the value")

// Marshal writes v on one line, without the escapes that HTML needs.
func Marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Unmarshal reads exactly one value. Where the type leaves it open, a number is
// a json.Number as it was written, so that a large integer is not rounded.
func Unmarshal(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return ErrTrailing
	}
	return nil
}
