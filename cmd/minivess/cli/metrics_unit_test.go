package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/minivess/minivess/engine/metrics/folder"
)

func TestSizesAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 1, "4GB": 4e9, "4 gb": 4e9, "512MiB": 512 << 20, "1.5Ki": 1536, "2k": 2000, "1TB": 1e12, "7b": 7,
		"": 0, "0": 0, "-1GB": 0, "GB": 0, "lots": 0, "NaN": 0, "1e300": 0, "Inf": 0, "4 Go": 0,
	} {
		if got, ok := parseBytes(text); got != want || ok != (want > 0) {
			t.Errorf("%q is %d, %v", text, got, ok)
		}
	}
}

func FuzzSizes(f *testing.F) {
	for _, seed := range []string{"4GB", "512 MiB", "-0", "1e9999", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := parseBytes(text); ok != (n > 0) {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	})
}

func TestProgressSaysHowLongIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		terminal bool
		want     string
	}{
		"in a log": {false, "scored 2 of 4 pairs in 30 s, about 30 s left\nscored 4 of 4 pairs in 45 s\n"},
		"on a terminal": {true, "\r\x1b[2Kscored 1 of 4 pairs in 5 s, about 15 s left" +
			"\r\x1b[2Kscored 2 of 4 pairs in 30 s, about 30 s left\r\x1b[2Kscored 3 of 4 pairs in 35 s, about 12 s left\r\x1b[2Kscored 4 of 4 pairs in 45 s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				p := newScoreProgress(Streams{Err: &out, Terminal: c.terminal, Width: 80})
				for done, pause := range []int{5, 25, 5, 10} {
					time.Sleep(time.Duration(pause) * time.Second) // of a clock that a test owns
					p.see(folder.Progress{Done: done + 1, Total: 4, Share: float64(done+1) / 4})
				}
				p.finish()
				if out.String() != c.want {
					t.Errorf("got %q, want %q", out.String(), c.want)
				}
			})
		})
	}
}

func TestErrorsOfTheEngineNameTheFlag(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		folder.ErrGrid: "--resample", folder.ErrMemory: "--memory", folder.ErrOption: "unusable option",
	} {
		got := metricsOptions{}.explained(err)
		if !errors.Is(got, err) || !strings.Contains(got.Error(), want) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
