package tools

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/minivess/minivess/engine/plainjson"
)

// Fingerprint names one call: the SHA-256, in hexadecimal, over the tool's name
// and the canonical form of its arguments, so that neither the order of keys
// nor the spelling of a number matters. Arguments that are not JSON get a
// fingerprint that no valid arguments have.
func Fingerprint(tool string, args json.RawMessage) string {
	h := sha256.New()
	fmt.Fprintf(h, "minivess tool call 1\n%q\n", tool)
	if canonical, err := CanonicalJSON(args); err == nil {
		h.Write([]byte("json\n"))
		h.Write(canonical)
	} else {
		h.Write([]byte("not json\n"))
		h.Write(args)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// CanonicalJSON rewrites one JSON value with sorted keys, no spaces and every
// number in its shortest form. Nothing at all reads as an empty object.
func CanonicalJSON(raw json.RawMessage) ([]byte, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return []byte("{}"), nil
	}
	v, err := decodeAny(raw)
	if err != nil {
		return nil, err
	}
	v, err = canonicalNumbers(v)
	if err != nil {
		return nil, err
	}
	out, err := plainjson.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding canonical JSON: %w", err)
	}
	return out, nil
}

// decodeAny reads exactly one JSON value and keeps numbers as they were
// written.
func decodeAny(raw []byte) (v any, err error) {
	if err := plainjson.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	return v, nil
}

func canonicalNumbers(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		return canonicalNumber(v)
	case []any:
		for i := range v {
			c, err := canonicalNumbers(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = c
		}
	case map[string]any:
		for k := range v {
			c, err := canonicalNumbers(v[k])
			if err != nil {
				return nil, err
			}
			v[k] = c
		}
	}
	return v, nil
}

// canonicalNumber gives 1, 1.0 and 1e0 one spelling. Integers that fit 64 bits
// are exact; everything else is a float64.
func canonicalNumber(n json.Number) (json.Number, error) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return json.Number(strconv.FormatInt(i, 10)), nil
	}
	f, err := n.Float64()
	if err != nil {
		return "", fmt.Errorf("number %s is out of range: %w", n, err)
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return json.Number(strconv.FormatInt(int64(f), 10)), nil
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
}
