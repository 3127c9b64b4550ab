package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minivess/minivess/engine/atomicfile"
	"github.com/minivess/minivess/engine/workspace"
)

// fingerprintVersion goes into the cache's file names; raise it when what is
// measured changes.
const fingerprintVersion = "1"

// ReadFingerprint gives the fingerprint of the volumes of those IDs (all if
// there are none) from the workspace's cache, or measures it and puts it there.
// The cache goes by the dataset's digest, so contents that change are measured
// anew.
func ReadFingerprint(ctx context.Context, ws *workspace.Workspace, d Dataset, ids []string, progress func(done, total int)) (Fingerprint, error) {
	path := fingerprintFile(ws, d, ids)
	if f, ok := cachedFingerprint(path, d); ok {
		return f, nil
	}
	f, err := MeasureFingerprint(ctx, d, ids, progress)
	if err != nil {
		return Fingerprint{}, err
	}
	b, err := json.Marshal(f)
	if err != nil {
		return Fingerprint{}, fmt.Errorf("write the fingerprint of dataset %q: %w", d.Name, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Fingerprint{}, err
	}
	return f, atomicfile.WriteBytes(path, 0o600, b)
}

// CachedFingerprint is ReadFingerprint without the measuring: ok is false when
// the cache has none.
func CachedFingerprint(ws *workspace.Workspace, d Dataset, ids []string) (f Fingerprint, ok bool) {
	return cachedFingerprint(fingerprintFile(ws, d, ids), d)
}

// cachedFingerprint reads a file of the cache. One that is damaged or another
// dataset's is as good as none.
func cachedFingerprint(path string, d Dataset) (f Fingerprint, ok bool) {
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &f) != nil || f.Digest != d.Digest || len(f.Shapes) == 0 || len(f.Shapes) != len(f.Spacings) {
		return Fingerprint{}, false
	}
	return f, true
}

func fingerprintFile(ws *workspace.Workspace, d Dataset, ids []string) string {
	sum := sha256.Sum256([]byte(fingerprintVersion + "\n" + d.Digest + "\n" + strings.Join(slices.Sorted(slices.Values(ids)), "\n")))
	return filepath.Join(ws.Cache(), "fingerprints", hex.EncodeToString(sum[:])+".json")
}
