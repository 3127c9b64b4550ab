package thread

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// indexVersion rises whenever the file, or what is read out of a journal for
// it, becomes another.
const indexVersion = 1

// errIndex means that an index file is of no use.
var errIndex = errors.New("not an index of this version")

// The file is a line that says what follows: the rows as JSON, then what was
// said in each of them. A search looks through the latter as it lies there.
type indexHead struct {
	Version int    `json:"version"`
	Rows    int    `json:"rows"` // bytes
	Said    int    `json:"said"` // bytes
	CRC     uint32 `json:"crc"`  // CRC-32C of both
}

type indexRow struct {
	Info  Info  `json:"info"`
	Stamp stamp `json:"at"`
	Said  int   `json:"said"` // bytes
	Cut   bool  `json:"cut,omitempty"`
}

func encodeIndex(known map[string]digest) ([]byte, error) {
	rows := make([]indexRow, 0, len(known))
	var said []byte
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if d := known[id]; d.saveable() {
			rows = append(rows, indexRow{Info: d.info, Stamp: d.stamp, Said: len(d.said), Cut: d.cut})
			said = append(said, d.said...)
		}
	}
	body, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	head := indexHead{Version: indexVersion, Rows: len(body), Said: len(said)}
	body = append(body, said...)
	head.CRC = crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return slices.Concat(line, []byte{'\n'}, body), nil
}

// decodeIndex reads what encodeIndex wrote; the digests share raw's memory.
func decodeIndex(raw []byte) (map[string]digest, error) {
	line, body, ok := bytes.Cut(raw, []byte{'\n'})
	var head indexHead
	if !ok || json.Unmarshal(line, &head) != nil || head.Version != indexVersion {
		return nil, errIndex
	}
	if head.Rows < 0 || head.Said < 0 || head.Rows > len(body) || head.Said != len(body)-head.Rows {
		return nil, fmt.Errorf("%w: %d bytes where %d and %d are announced", errIndex, len(body), head.Rows, head.Said)
	}
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != head.CRC {
		return nil, fmt.Errorf("%w: the checksum is another", errIndex)
	}
	var rows []indexRow
	if err := json.Unmarshal(body[:head.Rows], &rows); err != nil {
		return nil, fmt.Errorf("%w: %w", errIndex, err)
	}
	said := body[head.Rows:]
	known := make(map[string]digest, len(rows))
	for _, r := range rows {
		if r.Said < 0 || r.Said > len(said) || !validID(r.Info.ID) {
			return nil, fmt.Errorf("%w: row %q", errIndex, r.Info.ID)
		}
		known[r.Info.ID] = digest{info: r.Info, said: said[:r.Said:r.Said], cut: r.Cut, stamp: r.Stamp, settled: true}
		said = said[r.Said:]
	}
	return known, nil
}
