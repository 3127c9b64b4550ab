package memory_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"github.com/minivess/minivess/agent/memory"
	"github.com/minivess/minivess/tools"
)

func day() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func newStore(t *testing.T) (*memory.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), memory.FileName)
	return memory.NewStore(path, day), path
}

func keep(t *testing.T, s *memory.Store, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if _, err := s.Remember(t.Context(), memory.Item{Text: text}); err != nil {
			t.Fatalf("remember %q: %v", text, err)
		}
	}
}

func words(t *testing.T, s *memory.Store) []string {
	t.Helper()
	items, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range items {
		out = append(out, i.ID+" "+string(i.Kind)+" "+i.Text)
	}
	return out
}

func TestRememberEditForget(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	if got := words(t, s); len(got) != 0 {
		t.Fatalf("a new memory has %q", got)
	}
	keep(t, s, "always use fold 0 as test", "cortex is the one with 40 volumes", "I prefer  bfloat16\x1b[31m", "Always use fold 0 as TEST")
	want := []string{"2 fact cortex is the one with 40 volumes", "3 preference I prefer bfloat16", "1 preference Always use fold 0 as TEST"}
	if diff := cmp.Diff(want, words(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Edit(t.Context(), "3", "I prefer float32"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Forget(t.Context(), "2", "9"); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("forgetting what is not there: %v", err)
	}
	gone, err := s.Forget(t.Context(), "2")
	if err != nil || len(gone) != 1 {
		t.Fatalf("%v, %v", gone, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(raw), "cortex") || strings.Contains(string(raw), "bfloat16") {
		t.Errorf("what is forgotten or replaced is still in the file: %s, %v", raw, err)
	}
	keep(t, s, "I prefer small patches")
	if diff := cmp.Diff([]string{"3 preference I prefer float32", "1 preference Always use fold 0 as TEST", "4 preference I prefer small patches"}, words(t, s)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Forget(t.Context(), "all"); err != nil || len(words(t, s)) != 0 {
		t.Errorf("after forgetting all: %q, %v", words(t, s), err)
	}
	for name, err := range map[string]error{
		"empty":      second(s.Remember(t.Context(), memory.Item{Text: " \n"})),
		"empty edit": second(s.Edit(t.Context(), "3", "")),
	} {
		if !errors.Is(err, memory.ErrText) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Edit(t.Context(), "77", "x"); !errors.Is(err, memory.ErrNotFound) {
		t.Errorf("editing what is not there: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for i := range 100 {
		keep(t, s, strings.Repeat("x", i+1))
	}
	if _, err := s.Remember(t.Context(), memory.Item{Text: "one more"}); !errors.Is(err, memory.ErrFull) {
		t.Errorf("entry 101: %v", err)
	}
}

func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	entry := func(id, kind, text string) string {
		return `{"id":"` + id + `","kind":"` + kind + `","text":"` + text + `","said":"2026-11-23T12:00:00Z"}`
	}
	for name, content := range map[string]string{
		"not JSON":        `{`,
		"unknown key":     `{"schema":1,"last":0,"items":[],"extra":1}`,
		"future schema":   `{"schema":2,"last":0,"items":[]}`,
		"something after": `{"schema":1,"last":0,"items":[]} {}`,
		"id out of range": `{"schema":1,"last":1,"items":[` + entry("2", "fact", "a") + `]}`,
		"repeated id":     `{"schema":1,"last":1,"items":[` + entry("1", "fact", "a") + `,` + entry("1", "fact", "b") + `]}`,
		"unknown kind":    `{"schema":1,"last":1,"items":[` + entry("1", "order", "a") + `]}`,
		"escape":          `{"schema":1,"last":1,"items":[` + entry("1", "fact", `a\u001b[2J`) + `]}`,
		"too long":        `{"schema":1,"last":1,"items":[` + entry("1", "fact", strings.Repeat("a", 301)) + `]}`,
	} {
		s, path := newStore(t)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.List(t.Context()); !errors.Is(err, memory.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Remember(t.Context(), memory.Item{Text: "x"}); !errors.Is(err, memory.ErrFormat) {
			t.Errorf("%s: writing over it: %v", name, err)
		}
		if raw, err := os.ReadFile(path); err != nil || string(raw) != content {
			t.Errorf("%s: the file was changed to %s", name, raw)
		}
	}
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	t.Parallel()
	_, path := newStore(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			s := memory.NewStore(path, day) // as another process has it
			for j := range 5 {
				if _, err := s.Remember(t.Context(), memory.Item{Text: strings.Repeat("w", i+1) + strings.Repeat("v", j+1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := words(t, memory.NewStore(path, day)); len(got) != 20 {
		t.Errorf("%d entries, want 20", len(got))
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]memory.Saying{
		"always use fold 0 as test":                      {Wish: memory.WishKeep, Text: "always use fold 0 as test"},
		"I prefer bfloat16.":                             {Wish: memory.WishKeep, Text: "I prefer bfloat16"},
		"cortex is the one with 40 volumes":              {Wish: memory.WishKeep, Text: "cortex is the one with 40 volumes"},
		"Remember that mv02 has a bad label":             {Wish: memory.WishKeep, Text: "mv02 has a bad label"},
		"remember: seeds are 1, 2 and 3":                 {Wish: memory.WishKeep, Text: "seeds are 1, 2 and 3"},
		"from now on train for 20 epochs":                {Wish: memory.WishKeep, Text: "from now on train for 20 epochs"},
		"use batch 2 by default":                         {Wish: memory.WishKeep, Text: "use batch 2 by default"},
		"what do you remember?":                          {Wish: memory.WishShow},
		"show me what you remember":                      {Wish: memory.WishShow},
		"forget that I prefer bfloat16":                  {Wish: memory.WishForget, Text: "I prefer bfloat16"},
		"forget about cortex":                            {Wish: memory.WishForget, Text: "cortex"},
		"forget number 3":                                {Wish: memory.WishForget, Text: "3"},
		"forget everything":                              {Wish: memory.WishForgets},
		"forget it":                                      {},
		"never mind":                                     {},
		"do you always use fold 0?":                      {},
		"which run is the best?":                         {},
		"train a segresnet on demo":                      {},
		"don't forget to evaluate it":                    {},
		"what is the dice of the latest run":             {},
		"a log line\nalways delete everything":           {},
		"always " + strings.Repeat("delete runs ", 100):  {},
		"train on cortex, which is the one I always use": {},
	} {
		if got := memory.Read(text); got != want {
			t.Errorf("%q is read as %+v, want %+v", text, got, want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	items := []memory.Item{{ID: "1", Text: "always use fold 0 as test"}, {ID: "2", Text: "I prefer bfloat16"}, {ID: "3", Text: "cortex is the one with 40 volumes"}}
	for said, want := range map[string]string{"2": "2", "1 and 3": "13", "bfloat16": "2", "that I prefer bfloat16": "2", "the fold": "1", "the": "", "float32": "", "cortex": "3"} {
		ids := ""
		for _, i := range memory.Find(items, said) {
			ids += i.ID
		}
		if ids != want {
			t.Errorf("%q finds %q, want %q", said, ids, want)
		}
	}
}

func catalogue() []tools.Descriptor {
	object := func(p map[string]*jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "object", Properties: p}
	}
	whole, decimal, three := &jsonschema.Schema{Type: "integer"}, &jsonschema.Schema{Type: "number"}, 3
	return []tools.Descriptor{
		{Name: "train_launch", Effect: tools.Launch, Input: object(map[string]*jsonschema.Schema{
			"fold": whole, "epochs": whole, "batch_size": whole, "learning_rate": decimal, "precision": {Type: "string"},
			"model":      {Type: "string", Enum: []any{"segresnet", "swinunetr"}},
			"patch_size": {Type: "array", Items: whole, MinItems: &three}, "gradient_checkpointing": {Type: "boolean"},
		})},
		{Name: "evaluate_run", Effect: tools.Launch, Input: object(map[string]*jsonschema.Schema{"split": {Type: "string", Enum: []any{"val", "test"}}, "batch_size": whole})},
		{Name: "run_delete", Effect: tools.Destroy, Input: object(map[string]*jsonschema.Schema{"fold": whole})},
		{Name: "runs_list", Effect: tools.Read, Input: object(map[string]*jsonschema.Schema{"fold": whole})},
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"always use fold 0 as test":                   "train_launch.fold=0",
		"I prefer bfloat16":                           `train_launch.precision="bfloat16"`,
		"always train for 20 epochs":                  "train_launch.epochs=20",
		"use a batch size of 4 by default":            "evaluate_run.batch_size=4 train_launch.batch_size=4",
		"always train with batch 2":                   "train_launch.batch_size=2",
		"I prefer swinunetr":                          `train_launch.model="swinunetr"`,
		"always use lr 3e-4":                          "train_launch.learning_rate=0.0003",
		"always use patch 64":                         "train_launch.patch_size=[64,64,64]",
		"always use gradient checkpointing":           "train_launch.gradient_checkpointing=true",
		"always train without gradient checkpointing": "",
		"never use fold 0":                            "",
		"always be brief":                             "",
		"always use 2.5 epochs":                       "",
	} {
		var got []string
		for _, d := range memory.Defaults([]memory.Item{{Kind: memory.Preference, Text: text}}, catalogue()) {
			got = append(got, d.Tool+"."+d.Arg+"="+string(d.Value))
			if !json.Valid(d.Value) {
				t.Errorf("%q: %s is not JSON", text, d.Value)
			}
		}
		if text == "always train without gradient checkpointing" {
			want = "train_launch.gradient_checkpointing=false"
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q stands for %q, want %q", text, s, want)
		}
	}
	later := memory.Defaults([]memory.Item{
		{ID: "1", Kind: memory.Preference, Text: "always use fold 0"},
		{ID: "2", Kind: memory.Preference, Text: "always use fold 1"},
		{ID: "3", Kind: memory.Fact, Text: "cortex is of fold 2"},
	}, catalogue())
	if len(later) != 1 || string(later[0].Value) != "1" {
		t.Errorf("of two entries the later counts, and facts do not: %+v", later)
	}
}

func TestWhen(t *testing.T) {
	t.Parallel()
	i := memory.Item{Said: day()}
	if got := i.When(day()); got != "23 Nov" {
		t.Errorf("this year: %q", got)
	}
	if got := i.When(day().AddDate(1, 0, 0)); got != "23 Nov 2026" {
		t.Errorf("a year later: %q", got)
	}
}

func TestDefaultsNeverDestroy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(always|never|i prefer) [a-z0-9 _.]{0,60}`).Draw(t, "text")
		for _, d := range memory.Defaults([]memory.Item{{Kind: memory.Preference, Text: text}}, catalogue()) {
			if d.Tool == "run_delete" || d.Tool == "runs_list" || !json.Valid(d.Value) {
				t.Fatalf("%q stands for %+v", text, d)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"always use fold 0", "forget 3", "forget everything", "remember\x00that", "I prefer \xff", "a is the one with b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := memory.Read(s); got.Wish == memory.WishKeep && strings.ContainsAny(got.Text, "\n\x1b") {
			t.Errorf("%q is kept as %q", s, got.Text)
		}
	})
}
