// Command graph times one looping node that appends a text of 100 bytes, 300
// steps a run, on minivess's graph and on eino's. It is driven by graph.py:
//
//	graph SUBJECT RUNS FOLDER
//
// It prints one JSON object: the seconds of each run and, where something is
// stored, the bytes of five runs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cloudwego/eino/compose"

	"github.com/minivess/minivess/agent/graph"
	"github.com/minivess/minivess/agent/thread"
)

const (
	steps = 300
	// stored is how many runs' storage is measured.
	stored = 5
)

var errUsage = errors.New("usage: graph bare|memory|async|sync|exit|eino RUNS FOLDER")

type state struct{ Said []string }

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errUsage
	}
	runs, err := strconv.Atoi(args[1])
	if err != nil || runs < stored {
		return fmt.Errorf("RUNS must be %d or more: %w", stored, errUsage)
	}
	once, err := subject(ctx, args[0], args[2])
	if err != nil {
		return err
	}
	result := struct {
		Seconds []float64 `json:"seconds"`
		Bytes   int64     `json:"bytes"`
	}{}
	for i := range runs {
		n, took, err := once(ctx)
		if err != nil {
			return err
		}
		if n != steps {
			return fmt.Errorf("the run came to %d texts, not %d", n, steps)
		}
		result.Seconds = append(result.Seconds, took.Seconds())
		if i == stored-1 {
			if result.Bytes, err = size(args[2]); err != nil {
				return err
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// A runner makes a new thread and times one run on it.
type runner func(ctx context.Context) (texts int, took time.Duration, err error)

func subject(ctx context.Context, name, folder string) (runner, error) {
	switch name {
	case "eino":
		return eino(ctx)
	case "bare":
		return ours(graph.Options{}, nil)
	case "memory":
		return ours(graph.Options{Checkpointer: &graph.Memory{}}, nil)
	case "async", "sync", "exit":
		store := thread.NewStore(folder, thread.Options{})
		return ours(graph.Options{Checkpointer: store, Durability: graph.Durability(name)}, store)
	default:
		return nil, errUsage
	}
}

// ours runs each time on a thread of its own.
func ours(o graph.Options, store *thread.Store) (runner, error) {
	o.StepLimit = steps
	said := graph.NewField("said", func(s *state) *[]string { return &s.Said }, graph.Append[string])
	text := []string{strings.Repeat("x", 100)}
	g, err := graph.New("bench", said).
		Node("say", func(context.Context, state, *graph.Runtime) (graph.Result[state], error) {
			return graph.Update(said.Set(text)), nil
		}).
		Entry("say").
		Branch("say", func(s state) string {
			if len(s.Said) < steps {
				return "say"
			}
			return graph.End
		}, "say", graph.End).
		Compile(o)
	if err != nil {
		return nil, err
	}
	n := 0
	return func(ctx context.Context) (int, time.Duration, error) {
		n++
		id, release := fmt.Sprint("thread-", n), func() error { return nil }
		if store != nil {
			info, err := store.Create(ctx, "bench")
			if err != nil {
				return 0, 0, err
			}
			id = info.ID
			if release, err = store.Acquire(ctx, id); err != nil {
				return 0, 0, err
			}
		}
		began := time.Now()
		out, err := g.Start(ctx, id, nil)
		return len(out.State.Said), time.Since(began), errors.Join(err, release())
	}, nil
}

// eino has no checkpoint of each step: it stores when it is interrupted.
func eino(ctx context.Context) (runner, error) {
	text := strings.Repeat("x", 100)
	g := compose.NewGraph[*state, *state]()
	err := errors.Join(
		g.AddLambdaNode("say", compose.InvokableLambda(func(_ context.Context, s *state) (*state, error) {
			s.Said = append(s.Said, text)
			return s, nil
		})),
		g.AddEdge(compose.START, "say"),
		g.AddBranch("say", compose.NewGraphBranch(func(_ context.Context, s *state) (string, error) {
			if len(s.Said) < steps {
				return "say", nil
			}
			return compose.END, nil
		}, map[string]bool{"say": true, compose.END: true})),
	)
	if err != nil {
		return nil, err
	}
	compiled, err := g.Compile(ctx, compose.WithMaxRunSteps(steps+10))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (int, time.Duration, error) {
		began := time.Now()
		out, err := compiled.Invoke(ctx, &state{})
		if err != nil {
			return 0, 0, err
		}
		return len(out.Said), time.Since(began), nil
	}, nil
}

func size(folder string) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
