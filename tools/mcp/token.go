package mcp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/minivess/minivess/engine/atomicfile"
)

// minToken is how many characters a token needs to have.
const minToken = 16

// ErrToken says that a bearer token cannot be used.
var ErrToken = errors.New("unusable token")

// Token is a bearer token. It never shows itself.
type Token struct{ sum [32]byte }

// NewToken takes a token that a person chose.
func NewToken(secret string) (Token, error) {
	if len(secret) < minToken || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Token{}, fmt.Errorf("%w: it must have %d visible ASCII characters or more and no spaces", ErrToken, minToken)
	}
	return Token{sha256.Sum256([]byte(secret))}, nil
}

// TokenFile reads the token in a file that nobody else can read, or makes one
// of 256 random bits.
func TokenFile(path string) (Token, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return Token{}, fmt.Errorf("making a token: %w", err)
		}
		text := hex.EncodeToString(secret[:])
		if err := atomicfile.WriteBytes(path, 0o600, []byte(text+"\n")); err != nil {
			return Token{}, fmt.Errorf("keeping a token: %w", err)
		}
		return NewToken(text)
	}
	if err != nil {
		return Token{}, fmt.Errorf("reading the token: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return Token{}, fmt.Errorf("%w: %q can be read by others; chmod 600 it, or delete it to get a new one", ErrToken, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Token{}, fmt.Errorf("reading the token: %w", err)
	}
	return NewToken(strings.TrimSpace(string(raw)))
}

// fits compares in constant time, whatever the lengths.
func (t Token) fits(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	return t != Token{} && subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}
