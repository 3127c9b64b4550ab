package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/minivess/minivess/engine/atomicfile"
)

// Cancel is cancel.json: the wish that a run should end. It tells a SIGTERM
// that means "end" from one that means "make room, to be resumed".
type Cancel struct {
	Time   time.Time `json:"time"`
	Reason string    `json:"reason,omitempty"`
}

// RequestCancel writes cancel.json.
func RequestCancel(dir string, c Cancel) error {
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(dir, CancelFile), 0o640, append(b, '\n'))
}

// ReadCancel returns the request to cancel, and whether there is one. A
// worker asks when it starts and when it is told to stop.
func ReadCancel(dir string) (Cancel, bool, error) {
	var c Cancel
	b, err := os.ReadFile(filepath.Join(dir, CancelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, true, fmt.Errorf("%w: %s of %q: %w", ErrBadRun, CancelFile, dir, err)
	}
	return c, true, nil
}

// ClearCancel takes the request back, which resuming a run does.
func ClearCancel(dir string) error {
	err := os.Remove(filepath.Join(dir, CancelFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
