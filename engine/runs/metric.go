package runs

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// DecodeMetric reads the data of an EventMetric record. A long run has tens
// of thousands of them, so the form in which they are written is read
// directly; any other JSON goes the long way.
func DecodeMetric(data []byte) (Metric, error) {
	if m, ok := decodeWritten(data); ok {
		return m, nil
	}
	var m Metric
	err := json.Unmarshal(data, &m)
	return m, err
}

// decodeWritten reads what encoding/json writes for a Metric whose strings
// need no escapes. It says no to everything that it is not sure about.
func decodeWritten(b []byte) (Metric, bool) {
	var m Metric
	var ok bool
	if b, ok = bytes.CutPrefix(b, []byte(`{"step":`)); !ok {
		return m, false
	}
	step, b, ok := bytes.Cut(b, []byte(`,"epoch":`))
	if !ok {
		return m, false
	}
	epoch, b, ok := bytes.Cut(b, []byte(`,"split":"`))
	if !ok {
		return m, false
	}
	split, b, ok := cutPlain(b)
	if !ok {
		return m, false
	}
	if b, ok = bytes.CutPrefix(b, []byte(`,"values":{`)); !ok {
		return m, false
	}
	var err1, err2 error
	m.Step, err1 = strconv.ParseInt(string(step), 10, 64)
	m.Epoch, err2 = strconv.Atoi(string(epoch))
	m.Split = split
	m.Values, ok = decodeValues(b)
	// Atoi takes a plus sign and leading zeros, JSON does not; neither is
	// ever written, and both mean the same.
	return m, ok && err1 == nil && err2 == nil
}

// decodeValues reads `"name":1.5,…}}`.
func decodeValues(b []byte) (map[string]Number, bool) {
	values := make(map[string]Number, 4)
	if string(b) == "}}" {
		return values, true
	}
	for {
		if len(b) == 0 || b[0] != '"' {
			return nil, false
		}
		name, rest, ok := cutPlain(b[1:])
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return nil, false
		}
		end := bytes.IndexAny(rest, ",}")
		if end < 0 {
			return nil, false
		}
		v, ok := decodeNumber(rest[1:end])
		if !ok {
			return nil, false
		}
		values[name] = v
		if rest[end] == ',' {
			b = rest[end+1:]
			continue
		}
		return values, string(rest[end:]) == "}}"
	}
}

func decodeNumber(b []byte) (Number, bool) {
	switch string(b) {
	case `"NaN"`:
		return Number(math.NaN()), true
	case `"Inf"`:
		return Number(math.Inf(1)), true
	case `"-Inf"`:
		return Number(math.Inf(-1)), true
	}
	// ParseFloat also takes words, underscores and hexadecimal.
	for _, c := range b {
		if (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return Number(f), err == nil
}

// cutPlain reads a string without escapes up to its closing quote.
func cutPlain(b []byte) (s string, rest []byte, ok bool) {
	text, rest, ok := bytes.Cut(b, []byte{'"'})
	if !ok {
		return "", nil, false
	}
	for _, c := range text {
		if c == '\\' || c < ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(text), rest, true
}
