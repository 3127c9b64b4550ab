package thread_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/minivess/minivess/agent/assistant"
	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/thread"
)

// afterwards is a clock by which all files have long been left alone.
func afterwards() time.Time { return time.Now().Add(time.Hour) }

// workplace is a folder with 1000 threads of 20 turns each.
func workplace(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	id := talk(b, thread.NewStore(dir, thread.Options{Lazy: true}), 20)
	raw, err := os.ReadFile(filepath.Join(dir, id+".jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 999 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("20260101-000000-%04x.jsonl", i)), raw, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// eachAnew is a store as a new process has it.
func eachAnew(dir string) *thread.Store {
	return thread.NewStore(dir, thread.Options{Now: afterwards, Told: assistant.Told})
}

func list(b *testing.B, dir string) {
	b.Helper()
	if all, err := eachAnew(dir).List(b.Context()); err != nil || len(all) != 1000 || all[0].Turns != 20 {
		b.Fatalf("%d threads, %v", len(all), err)
	}
}

// BenchmarkListCold1000 lists 1000 threads without an index, and writes it.
func BenchmarkListCold1000(b *testing.B) {
	dir := workplace(b)
	for b.Loop() {
		if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
			b.Fatal(err)
		}
		list(b, dir)
	}
}

// BenchmarkList1000 lists 1000 threads as a new process.
func BenchmarkList1000(b *testing.B) {
	dir := workplace(b)
	list(b, dir)
	for b.Loop() {
		list(b, dir)
	}
}

// BenchmarkSearch1000 searches 1000 threads as a new process: for words that
// all of them have, and for one that none has.
func BenchmarkSearch1000(b *testing.B) {
	dir := workplace(b)
	list(b, dir)
	for words, want := range map[string]int{"volumes": 1000, "nowhere": 0} {
		b.Run(fmt.Sprintf("found=%d", want), func(b *testing.B) {
			for b.Loop() {
				if all, err := eachAnew(dir).Search(b.Context(), []string{"Change", "best", words}); err != nil || len(all) != want {
					b.Fatalf("%d threads, %v; want %d", len(all), err, want)
				}
			}
		})
	}
}

// long is a thread of 500 turns: one of 20, over and over, with the turns
// counted on.
func long(b *testing.B, s *thread.Store) string {
	b.Helper()
	const part = 20
	id := talk(b, s, part)
	var once []graph.Record
	for r, err := range s.Records(b.Context(), id) {
		if err != nil {
			b.Fatal(err)
		}
		once = append(once, r)
	}
	for before := part; before < 500; before += part {
		later := slices.Clone(once)
		for i := range later {
			r := &later[i]
			was, is := fmt.Appendf(nil, `"turn":%d,`, r.Run), fmt.Appendf(nil, `"turn":%d,`, r.Run+before)
			r.Run += before
			r.Writes = slices.Clone(r.Writes)
			for k := range r.Writes {
				r.Writes[k].Value = bytes.ReplaceAll(r.Writes[k].Value, was, is)
			}
		}
		if err := s.AppendAll(b.Context(), id, later); err != nil {
			b.Fatal(err)
		}
	}
	return id
}

// BenchmarkResume500Turns opens a thread of 500 turns as a new process, has one
// more turn, which a clone of the journal takes, and goes on with it.
func BenchmarkResume500Turns(b *testing.B) {
	dir := b.TempDir()
	s := thread.NewStore(dir, thread.Options{Lazy: true})
	id := long(b, s)
	path := filepath.Join(dir, id+".jsonl")
	raw, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("the thread has %d bytes", len(raw))
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			a := converser(b, eachAnew(dir))
			if shown, err := a.Transcript(b.Context(), id); err != nil || len(shown) != 3*500 {
				b.Fatalf("%d messages, %v", len(shown), err)
			}
		}
	})
	b.Run("turn", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				b.Fatal(err)
			}
			a := converser(b, eachAnew(dir))
			b.StartTimer()
			say(b, a, id, "and which is the best now?")
		}
	})
	b.Run("next turn", func(b *testing.B) {
		a := converser(b, eachAnew(dir))
		say(b, a, id, "and which is the best now?")
		for b.Loop() {
			say(b, a, id, "and now?")
		}
	})
}
