package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// What can go wrong. Files that are no models give onnx.ErrFormat, sizes that a
// model does not take nn.ErrShape.
var (
	// ErrMissing means that the library is not where it should be.
	ErrMissing = errors.New("ONNX Runtime is not there")
	// ErrRuntime means that ONNX Runtime refused or failed.
	ErrRuntime = errors.New("ONNX Runtime")
	// ErrModel means that a model has other inputs or outputs than a
	// segmentation network.
	ErrModel = errors.New("not a segmentation network")
	// ErrClosed means that the model or runtime was closed before.
	ErrClosed = errors.New("closed")
)

// libraryFile is where `make native` puts the library, below its folder.
const libraryFile = "onnxruntime/libonnxruntime.so.1.27.0"

// LibraryPath is the library in a folder of native runtimes, or "" when the
// program does not know of any.
func LibraryPath(native string) string {
	if native == "" {
		return ""
	}
	return filepath.Join(native, filepath.FromSlash(libraryFile))
}

// environment is the one that ONNX Runtime keeps for the whole process. The
// binding holds it in variables of its own and locks nothing, so whoever loads
// and unloads it in this process has to take turns; that, and nothing else, is
// what this variable is for. A process-wide thing cannot be guarded by anything
// smaller.
var environment struct { //nolint:gochecknoglobals // see above
	sync.Mutex
	path  string
	users int
}

// Runtime is ONNX Runtime, loaded. It may be shared by goroutines.
type Runtime struct {
	mu     sync.Mutex
	closed bool
	models int // open ones, which keep the library in use
}

// Open loads the library at path, or shares it when it is loaded already: the
// process has one, and a second path is refused until every Runtime is closed.
// A path at which there is nothing gives ErrMissing.
func Open(path string) (*Runtime, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: this program was built without knowing where it lies; run make native build", ErrMissing)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %w; run make native", ErrMissing, err)
	}
	if err := acquire(path); err != nil {
		return nil, err
	}
	return &Runtime{}, nil
}

// acquire loads the library for its first user.
func acquire(path string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.users > 0 {
		if environment.path != path {
			return fmt.Errorf("%w: %q is loaded; %q cannot be loaded beside it", ErrRuntime, environment.path, path)
		}
		environment.users++
		return nil
	}
	onnxruntime.SetSharedLibraryPath(path)
	// Failures come back as errors: nothing is to be written to stderr.
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("%w: %q does not load: %w; run make native", ErrRuntime, path, err)
	}
	if err := onnxruntime.DisableTelemetry(); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrRuntime, err), onnxruntime.DestroyEnvironment())
	}
	environment.path, environment.users = path, 1
	return nil
}

// release unloads the library after its last user.
func release() error {
	environment.Lock()
	defer environment.Unlock()
	if environment.users--; environment.users > 0 {
		return nil
	}
	if err := onnxruntime.DestroyEnvironment(); err != nil {
		return fmt.Errorf("%w: %w", ErrRuntime, err)
	}
	return nil
}

// Version is the library's, such as "1.27.0".
func (r *Runtime) Version() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ""
	}
	return onnxruntime.GetVersion()
}

// Close gives the library back. Models that are still open are not closed, and
// keep the Runtime from closing.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	if r.models > 0 {
		return fmt.Errorf("%w: %d models are still open", ErrRuntime, r.models)
	}
	r.closed = true
	return release()
}
