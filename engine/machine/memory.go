// Package machine tells what the computer has at hand for a computation. What a
// computation needs is for its own room to say.
package machine

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
)

// FreeMemory is how many bytes can be taken without driving others out of memory:
// what Linux calls available, or less where the process lives in a control group
// (a container, a batch job) that may take less. It is 0 where that is not known, and
// at least 1 where it is.
func FreeMemory() int64 { return free(os.DirFS("/")) }

// free reads /proc and /sys below root.
func free(root fs.FS) int64 {
	available, ok := field(root, "proc/meminfo", "MemAvailable:", 1024)
	if !ok {
		return 0
	}
	return max(1, min(available, groupRoom(root)))
}

// groupRoom is what the control groups around this process (version 2) leave.
func groupRoom(root fs.FS) int64 {
	room := int64(math.MaxInt64)
	b, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return room
	}
	for line := range bytes.Lines(b) {
		name, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("0::/"))
		if !ok {
			continue
		}
		for group := path.Join("sys/fs/cgroup", string(name)); group != "sys/fs"; group = path.Dir(group) {
			room = min(room, left(root, group))
		}
	}
	return room
}

// left is what one group may still take: its limit, less what it has, but for
// cached files, which it would give up.
func left(root fs.FS, group string) int64 {
	limit, limited := field(root, path.Join(group, "memory.max"), "", 1)
	taken, known := field(root, path.Join(group, "memory.current"), "", 1)
	if !limited || !known {
		return math.MaxInt64
	}
	cached, _ := field(root, path.Join(group, "memory.stat"), "inactive_file", 1)
	return limit - taken + cached
}

// field reads the number after a word at the start of a line, or the number that
// is all of a file when word is empty.
func field(root fs.FS, file, word string, unit int64) (int64, bool) {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(b) {
		words := bytes.Fields(line)
		if word != "" && (len(words) == 0 || string(words[0]) != word) {
			continue
		}
		if word != "" {
			words = words[1:]
		}
		if len(words) == 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(string(words[0]), 10, 64)
		return n * unit, err == nil && n >= 0 && n <= math.MaxInt64/unit
	}
	return 0, false
}
