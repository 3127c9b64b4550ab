package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// Digest is a file's SHA-256, in hexadecimal, and its size in bytes: what
// specifications and events pin files by.
func Digest(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
