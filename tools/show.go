package tools

import (
	"fmt"
	"math"

	"github.com/charmbracelet/x/ansi"

	"github.com/minivess/minivess/engine/plaintext"
)

// Plain makes text that came from data (file names, run names, a worker's
// output) safe to show: terminal escapes are taken out, and so is every
// control and formatting character, bidirectional overrides included. Line
// ends and tabs become spaces.
func Plain(s string) string {
	return plaintext.Line(ansi.Strip(s))
}

// Bytes writes a number of bytes for a person: 912 B, 4.5 MB, 1.1 GB.
func Bytes(n int64) string {
	const kilo = 1000
	if n < kilo {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		v /= kilo
		if v < kilo-0.5 {
			break
		}
	}
	if v < 10 {
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// Duration writes a number of seconds for a person: 4 s, 2.5 min, 3 h.
func Duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0) || seconds < 0:
		return "unknown"
	case seconds < 1:
		return "under 1 s"
	case seconds < 90:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 10*60:
		return fmt.Sprintf("%.1f min", seconds/60)
	case seconds < 90*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 10*3600:
		return fmt.Sprintf("%.1f h", seconds/3600)
	case seconds < 48*3600:
		return fmt.Sprintf("%.0f h", seconds/3600)
	}
	return fmt.Sprintf("%.1f days", seconds/86400)
}

// Count writes a number of things: 1 volume, 3 volumes.
func Count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// Extent writes a shape: 96×96×48.
func Extent(shape [3]int) string {
	return fmt.Sprintf("%d×%d×%d", shape[0], shape[1], shape[2])
}
