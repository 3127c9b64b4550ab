package runs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// The words that run ids are made of: 64 of each, so that six bits choose.
const (
	adjectives = "able agile amber azure bold brave brisk bronze calm candid clear clever coral crisp curious dapper " +
		"deft eager early exact fair fleet fond frank fresh gentle glad golden grand happy hardy honest " +
		"humble ivory jolly keen kind lively loyal lucid mellow merry mild modest neat nimble noble olive " +
		"patient plain polite proud quick quiet rapid ready royal rustic sage silent silver solid steady sunny"
	animals = "adder badger beaver bison bream camel carp cicada civet cobra condor cougar crane cricket dingo dolphin " +
		"eagle egret falcon ferret finch fox gecko gibbon heron hornet ibex iguana jackal jay kestrel koala " +
		"lemur lion lizard llama lynx marmot marten mole moose moth newt ocelot otter owl panda parrot " +
		"pelican puffin quail rabbit raven robin salmon seal shrew sparrow stork swan tapir tiger viper walrus"
)

// maxID is the most characters that a run id may have.
const maxID = 64

// NewID returns a random run id like brisk-otter-7f3a.
func NewID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	return idFrom(b)
}

// keyedID returns the n-th id that an idempotency key may get. Deriving it
// from the key makes creating the folder the one atomic step by which two
// launches of the same call become one, without a lock or an index.
func keyedID(key string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", n, key))
	return idFrom([8]byte(sum[:8]))
}

func idFrom(b [8]byte) string {
	v := binary.BigEndian.Uint64(b[:])
	return strings.Fields(adjectives)[v>>58] + "-" + strings.Fields(animals)[v>>52&63] + "-" + hex.EncodeToString(b[6:])
}

// ValidID reports whether id can name a run folder: 1 to 64 of a-z, 0-9 and
// '-', starting with a letter or digit. Anything else (separators, dots,
// terminal escapes) is refused before it gets near a path.
func ValidID(id string) bool {
	if id == "" || len(id) > maxID || id[0] == '-' {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
