package train

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minivess/minivess/engine/machine"
)

// usage measures what this process takes.
type usage struct {
	at  time.Time
	cpu time.Duration
}

// sample gives the resident memory and the processor time since the sample
// before, in percent of one core.
func (u *usage) sample(now time.Time) (rss int64, percent float64) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, 0
	}
	cpu := time.Duration(r.Utime.Nano() + r.Stime.Nano())
	if wall := now.Sub(u.at); !u.at.IsZero() && wall > 0 {
		percent = 100 * float64(cpu-u.cpu) / float64(wall)
	}
	u.at, u.cpu = now, cpu
	return residentMemory(r), percent
}

// residentMemory reads the memory in use now; where the system does not tell,
// the most there ever was.
func residentMemory(r syscall.Rusage) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return r.Maxrss * 1024
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// scoringMemory is how many bytes predictions that wait to be scored, and their
// scoring, may take: as many as given, or half of what is free.
func scoringMemory(given int64) int64 {
	const unknown = 1 << 30
	if given > 0 {
		return given
	}
	if n := machine.FreeMemory(); n > 0 {
		return n / 2
	}
	return unknown
}
