package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/minivess/minivess/engine/plainjson"
)

const (
	crcMark  = `,"crc":"`
	crcTail  = len(crcMark) + 8 + len(`"}`)
	hashMark = `,"hash":"`
	prevMark = `,"prev":"`
	hashLen  = 2 * sha256.Size
	// chainTail is the length of `,"prev":"<64>","hash":"<64>"`.
	chainTail = len(prevMark) + hashLen + 1 + len(hashMark) + hashLen + 1
	maxKind   = 64
)

// zeroHash is the prev of the first record of a chain.
const zeroHash = "0000000000000000000000000000000000000000000000000000000000000000"

// encodeLine renders r, line end included, and sets r.Hash when chained.
func encodeLine(r *Record, chained bool) ([]byte, error) {
	if !validKind(r.Kind) {
		return nil, fmt.Errorf("record kind %q: use 1 to %d of a-z, 0-9, '_', '.' and '-'", r.Kind, maxKind)
	}
	b := make([]byte, 0, len(r.Data)+128+chainTail)
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, r.Seq, 10)
	b = append(b, `,"time":"`...)
	b = r.Time.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","kind":"`...)
	b = append(b, r.Kind...)
	b = append(b, `","data":`...)
	b = append(b, r.Data...)
	if chained {
		b = append(b, prevMark...)
		b = append(b, r.Prev...)
		b = append(b, '"')
		r.Hash = digest(b)
		b = append(b, hashMark...)
		b = append(b, r.Hash...)
		b = append(b, '"')
	}
	b = fmt.Appendf(b, `%s%08x"}`, crcMark, checksum(b))
	if len(b) >= MaxLine {
		return nil, fmt.Errorf("record of kind %q has %d bytes; a journal line holds at most %d, so put large data into a file", r.Kind, len(b), MaxLine)
	}
	return append(b, '\n'), nil
}

// encodeData renders v as compact JSON on one line, without HTML escapes.
func encodeData(v any) (json.RawMessage, error) {
	raw, err := plainjson.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the record's data: %w", err)
	}
	return raw, nil
}

// parseLine reads what encodeLine wrote, without the line end. The record
// shares no memory with b.
func parseLine(b []byte) (Record, error) {
	var r Record
	body, err := checkedBody(b)
	if err != nil {
		return r, err
	}
	body, r.Prev, r.Hash = splitChain(body)
	rest, ok := bytes.CutPrefix(body, []byte(`{"seq":`))
	if !ok {
		return r, errors.New("the line does not start with its sequence number")
	}
	seq, rest, ok := bytes.Cut(rest, []byte(`,"time":"`))
	if !ok {
		return r, errors.New("the line has no time")
	}
	if r.Seq, err = strconv.ParseInt(string(seq), 10, 64); err != nil || r.Seq < 1 {
		return r, errors.New("the sequence number is not a positive integer")
	}
	stamp, rest, ok := bytes.Cut(rest, []byte(`","kind":"`))
	if !ok {
		return r, errors.New("the line has no kind")
	}
	if r.Time, err = time.Parse(time.RFC3339Nano, string(stamp)); err != nil {
		return r, errors.New("the time is not RFC 3339")
	}
	kind, data, ok := bytes.Cut(rest, []byte(`","data":`))
	if !ok || len(data) == 0 {
		return r, errors.New("the line has no data")
	}
	if r.Kind = string(kind); !validKind(r.Kind) {
		return r, errors.New("the kind has forbidden characters")
	}
	r.Data = bytes.Clone(data)
	return r, nil
}

// checkedBody returns the bytes that the line's checksum covers.
func checkedBody(b []byte) ([]byte, error) {
	if len(b) < crcTail {
		return nil, errors.New("the line is too short")
	}
	body, tail := b[:len(b)-crcTail], b[len(b)-crcTail:]
	if !bytes.HasPrefix(tail, []byte(crcMark)) || !bytes.HasSuffix(tail, []byte(`"}`)) {
		return nil, errors.New("the line does not end in its checksum")
	}
	var want [8]byte
	hex.Encode(want[:], checksumBytes(body))
	if got := tail[len(crcMark) : len(crcMark)+8]; !bytes.Equal(got, want[:]) {
		return nil, fmt.Errorf("the checksum is %q, the bytes give %q", got, want[:])
	}
	return body, nil
}

// splitChain takes the chain's two hashes off the end of body. Data cannot
// imitate them: data that is an object ends in a brace, and inside a JSON
// string every quote is escaped.
func splitChain(body []byte) (rest []byte, prev, hash string) {
	if len(body) < chainTail || body[len(body)-1] != '"' {
		return body, "", ""
	}
	tail := body[len(body)-chainTail:]
	p, h := tail[:len(prevMark)+hashLen+1], tail[len(prevMark)+hashLen+1:]
	if !bytes.HasPrefix(p, []byte(prevMark)) || p[len(p)-1] != '"' || !bytes.HasPrefix(h, []byte(hashMark)) {
		return body, "", ""
	}
	return body[:len(body)-chainTail],
		string(p[len(prevMark) : len(p)-1]), string(h[len(hashMark) : len(h)-1])
}

// chainedPart returns the bytes that the hash of a chained line covers.
func chainedPart(line []byte) []byte {
	return line[:len(line)-crcTail-len(hashMark)-hashLen-1]
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func checksumBytes(b []byte) []byte {
	c := checksum(b)
	return []byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func validKind(kind string) bool {
	if kind == "" || len(kind) > maxKind {
		return false
	}
	for i := range len(kind) {
		c := kind[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
