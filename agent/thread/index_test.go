package thread

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/graph"
)

// toldOf reads the conversations of these tests: the field "said" is a text,
// "later" a number of follow-ups.
func toldOf(_ string, c graph.Change) ([]string, int) {
	var text string
	n := -1
	switch c.Field {
	case "said":
		if json.Unmarshal(c.Value, &text) == nil {
			return []string{text}, -1
		}
	case "later":
		if json.Unmarshal(c.Value, &n) == nil {
			return nil, n
		}
	}
	return nil, -1
}

// keen is a store that writes its index at the first occasion, and by whose
// clock all files have long been left alone.
func keen(dir string) *Store {
	s := NewStore(dir, Options{Lazy: true, Told: toldOf, Now: func() time.Time { return time.Now().Add(time.Hour) }})
	s.worth, s.floor = 0, 0
	return s
}

func write(tb rapid.TB, v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func begin(tb rapid.TB, s *Store, title string) string {
	info, err := s.Create(context.Background(), title)
	if err != nil {
		tb.Fatal(err)
	}
	return info.ID
}

func utter(tb rapid.TB, s *Store, id, text string) {
	r := graph.Record{Kind: graph.KindInput, Run: 1, Writes: []graph.Change{{Field: "said", Value: write(tb, text)}}}
	if err := s.Append(context.Background(), id, r); err != nil {
		tb.Fatal(err)
	}
}

// read is what the journals say, and nothing but the journals.
func read(tb rapid.TB, dir string) map[string]digest {
	s := keen(dir)
	ids, err := s.ids()
	if err != nil {
		tb.Fatal(err)
	}
	all := make(map[string]digest)
	for _, id := range ids {
		if all[id], err = s.digest(context.Background(), id, s.options.Now()); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

func same(tb rapid.TB, s *Store) {
	got, err := s.digests(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	for id, want := range read(tb, s.dir) {
		d := got[id]
		delete(got, id)
		if diff := cmp.Diff(want.info, d.info); diff != "" || !bytes.Equal(want.said, d.said) || want.cut != d.cut {
			tb.Fatalf("thread %s: said %q, want %q\n%s", id, d.said, want.said, diff)
		}
	}
	if len(got) > 0 {
		tb.Fatalf("threads that are not there: %v", got)
	}
}

// Whatever happens to the journals and to the index, and whoever looks, a list
// says what the journals say. Every change has another size, so that the test
// does not depend on how fine the clock of the file system is.
func TestIndexIsWhatTheJournalsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "threads")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		one, other := keen(dir), keen(dir)
		var ids []string
		n := 0
		filler := func() string { n++; return fmt.Sprintf("Word%d %s", n, strings.Repeat("x", 9*n)) }
		one1 := func() string { return rapid.SampledFrom(ids).Draw(t, "thread") }
		path := func(id string) string { return filepath.Join(dir, id+extension) }
		ctx := context.Background()
		// A damaged thread cannot be written, and that is all that may go wrong.
		may := func(err error) {
			if err != nil && !errors.Is(err, os.ErrNotExist) && !strings.Contains(err.Error(), "damaged") &&
				!errors.Is(err, ErrNotFound) && !errors.Is(err, graph.ErrNoPoint) {
				t.Fatal(err)
			}
		}
		put := func(id string, r graph.Record) { may(one.Append(ctx, id, r)) }
		ids = append(ids, begin(t, one, filler()))
		t.Repeat(map[string]func(*rapid.T){
			"":       func(t *rapid.T) { same(t, rapid.SampledFrom([]*Store{one, other}).Draw(t, "who")) },
			"create": func(t *rapid.T) { ids = append(ids, begin(t, one, filler())) },
			"say": func(t *rapid.T) {
				put(one1(), graph.Record{Kind: graph.KindInput, Run: n, Writes: []graph.Change{{Field: "said", Value: write(t, filler())}}})
			},
			"step": func(t *rapid.T) {
				later := []graph.Change{{Field: "later", Value: write(t, n%3)}, {Field: "other", Value: write(t, filler())}}
				put(one1(), graph.Record{Kind: graph.KindStep, Writes: later, Next: slices.Repeat([]string{"a"}, n%2)})
			},
			"ask": func(*rapid.T) {
				put(one1(), graph.Record{Kind: graph.KindInterrupt, Node: filler(), Interrupt: &graph.Interrupt{}})
			},
			"rename": func(*rapid.T) { may(one.Rename(ctx, one1(), filler()[:min(70, 9*n)])) },
			"fork": func(t *rapid.T) {
				from, to := one1(), begin(t, one, filler())
				ids = append(ids, to)
				for r, err := range one.Records(ctx, from) {
					if may(err); err == nil {
						put(to, r)
					}
				}
			},
			"prune": func(t *rapid.T) {
				with := graph.Record{Kind: graph.KindSnapshot, Run: n, Before: 1, Writes: []graph.Change{{Field: "said", Value: write(t, filler())}}}
				may(one.Prune(ctx, one1(), 1, with))
			},
			"damage": func(*rapid.T) {
				id := one1()
				raw, err := os.ReadFile(path(id))
				if may(err); err == nil {
					raw = slices.Insert(raw, len(raw)/2, []byte(filler()+"\n")...)
					may(os.WriteFile(path(id), raw, 0o600))
				}
			},
			"tear": func(*rapid.T) {
				id := one1()
				if st, err := os.Stat(path(id)); err == nil && st.Size() > 9 {
					may(os.Truncate(path(id), st.Size()-5))
				}
			},
			"delete":       func(*rapid.T) { may(os.Remove(path(one1()))) },
			"reopen":       func(*rapid.T) { one = keen(dir) },
			"lose index":   func(*rapid.T) { may(os.Remove(one.indexPath())); other = keen(dir) },
			"damage index": func(*rapid.T) { may(os.WriteFile(one.indexPath(), []byte(filler()), 0o600)); other = keen(dir) },
		})
	})
}

// A second program does not read what the first has found.
func TestOnlyChangedThreadsAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := keen(dir)
	var ids []string
	for i := range 5 {
		ids = append(ids, begin(t, s, "x"))
		utter(t, s, ids[i], fmt.Sprintf("Word%d", i))
	}
	same(t, s)
	var asked atomic.Int32
	again := keen(dir)
	again.options.Told = func(id string, c graph.Change) ([]string, int) {
		asked.Add(1)
		return toldOf(id, c)
	}
	same(t, again)
	if n := asked.Load(); n != 0 {
		t.Errorf("%d writes were read of threads that are as they were", n)
	}
	utter(t, s, ids[3], "changed")
	found, err := again.Search(t.Context(), []string{"CHANGED", "word3"})
	if err != nil || len(found) != 1 || found[0].ID != ids[3] || asked.Load() != 2 {
		t.Errorf("%v, %v, %d writes read; want thread %s and 2", found, err, asked.Load(), ids[3])
	}
}

// What was changed just now is read again, even if no clock tells.
func TestAChangeWithinATickIsSeen(t *testing.T) {
	t.Parallel()
	s := keen(t.TempDir())
	s.options.Now = time.Now
	id := begin(t, s, "x")
	utter(t, s, id, "before")
	same(t, s)
	raw, err := os.ReadFile(s.path(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(id), bytes.Replace(raw, []byte("before"), []byte("behind"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(t.Context()); err != nil || list[0].Damage == "" {
		t.Errorf("%+v, %v; want the damage", list, err)
	}
}

func TestAnyDamageOfTheIndexIsFound(t *testing.T) {
	t.Parallel()
	s := keen(t.TempDir())
	for i := range 3 {
		utter(t, s, begin(t, s, "x"), fmt.Sprintf("word%d", i))
	}
	same(t, s)
	whole, err := os.ReadFile(s.indexPath())
	if err != nil {
		t.Fatal(err)
	}
	if known, err := decodeIndex(whole); err != nil || len(known) != 3 {
		t.Fatalf("%d threads, %v", len(known), err)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 1
		if known, err := decodeIndex(bad); err == nil && i > bytes.IndexByte(whole, '\n') {
			t.Fatalf("byte %d changed: %d threads", i, len(known))
		}
		if _, err := decodeIndex(whole[:i]); err == nil {
			t.Fatalf("cut at %d: no error", i)
		}
	}
	for _, content := range [][]byte{nil, whole[:len(whole)/2], []byte("\x00\n"), bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":9`), 1)} {
		if err := os.WriteFile(s.indexPath(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		same(t, keen(s.dir))
		if mended, err := os.ReadFile(s.indexPath()); err != nil || !bytes.Equal(mended, whole) {
			t.Errorf("after %q the index was not made anew: %v", content, err)
		}
	}
}

// A folder that cannot be written is listed all the same.
func TestAnIndexThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := keen(t.TempDir())
	utter(t, s, begin(t, s, "x"), "word")
	if err := os.MkdirAll(filepath.Join(s.indexPath(), "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	same(t, s)
	same(t, keen(s.dir))
}

// What was said in a thread that somebody deleted leaves the disk.
func TestADeletedThreadLeavesTheIndex(t *testing.T) {
	t.Parallel()
	s := keen(t.TempDir())
	id := begin(t, s, "x")
	utter(t, s, id, "confidential")
	utter(t, s, begin(t, s, "y"), "public")
	same(t, s)
	if err := os.Remove(s.path(id)); err != nil {
		t.Fatal(err)
	}
	again := NewStore(s.dir, Options{Told: toldOf}) // in no hurry to write
	same(t, again)
	raw, err := os.ReadFile(s.indexPath())
	if err != nil || bytes.Contains(raw, []byte("confidential")) || !bytes.Contains(raw, []byte("public")) {
		t.Errorf("the index is %q, %v", raw, err)
	}
	if _, err := again.Get(t.Context(), id); !errors.Is(err, ErrNotFound) {
		t.Errorf("get: %v", err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s := keen(t.TempDir())
	id := begin(t, s, "Café título")
	utter(t, s, id, "H\x1b[31mell\x1b[0mo ÄRGER\u202e\x07 end")
	long := begin(t, s, "long")
	for range 3 {
		utter(t, s, long, strings.Repeat("filler ", maxSaid/10))
	}
	utter(t, s, long, "needle")
	for words, want := range map[string][]string{
		"hello": {id}, "ärger END": {id}, "TÍTULO hello": {id}, "hello needle": nil, "\x1b": nil,
		"NEEDLE filler": {long}, "needle absent": nil, id: {id}, "": {long, id},
	} {
		for range 2 { // the second time from the index
			found, err := keen(s.dir).Search(t.Context(), strings.Fields(words))
			var got []string
			for _, i := range found {
				got = append(got, i.ID)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("search %q: %v, %v; want %v", words, got, err, want)
			}
		}
	}
	raw, err := os.ReadFile(s.indexPath())
	if err != nil || bytes.ContainsAny(raw, "\x1b\x07") || len(raw) > 2*maxSaid {
		t.Errorf("%d bytes of index, %v", len(raw), err)
	}
}

// Several programs list, search and write at once.
func TestManyProcessesAtTheIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = begin(t, keen(dir), fmt.Sprint(i))
	}
	var all sync.WaitGroup
	for _, id := range ids {
		s, shared := keen(dir), keen(dir)
		all.Go(func() {
			for i := range 10 {
				utter(t, s, id, fmt.Sprintf("word%d", i))
				if found, err := s.Search(context.Background(), []string{id, fmt.Sprintf("word%d", i)}); err != nil || len(found) != 1 {
					t.Errorf("what was just said is not found: %v, %v", found, err)
				}
			}
		})
		for range 2 {
			all.Go(func() {
				for range 10 {
					if list, err := shared.List(context.Background()); err != nil || len(list) != len(ids) {
						t.Errorf("%d threads, %v", len(list), err)
					}
				}
			})
		}
	}
	all.Wait()
	same(t, keen(dir))
}

// FuzzDecodeIndex: no bytes make it panic, and what it takes it writes back.
func FuzzDecodeIndex(f *testing.F) {
	whole, err := encodeIndex(map[string]digest{
		"a": {info: Info{ID: "a", Title: "x", Turns: 2}, said: []byte("word\n"), settled: true},
		"b": {info: Info{ID: "b", Followups: 1}, cut: true, settled: true, stamp: stamp{1, 2, 3, 4}},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"version":1,"rows":2,"said":0,"crc":2943389103}` + "\n[]"))
	f.Add([]byte(`{"version":1,"rows":-1,"said":9}` + "\n[]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		known, err := decodeIndex(raw)
		if err != nil {
			if !errors.Is(err, errIndex) {
				t.Fatal(err)
			}
			return
		}
		again, err := encodeIndex(known)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeIndex(again); err != nil || len(back) > len(known) {
			t.Fatalf("%v: %d of %d", err, len(back), len(known))
		}
	})
}
