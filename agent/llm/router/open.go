package router

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/cassette"
	"github.com/minivess/minivess/agent/llm/compact"
	"github.com/minivess/minivess/agent/llm/offer"
	"github.com/minivess/minivess/engine/strictyaml"
	"github.com/minivess/minivess/tools"
)

// The variables that put a cassette between the models and the network: one
// replays a file and reaches no network, the other records one.
const (
	EnvReplay = "MINIVESS_LLM_CASSETTE"
	EnvRecord = "MINIVESS_LLM_RECORD"
)

// fromEnvironment is the group that the environment's variables make.
const fromEnvironment = "environment"

// Found is the configuration that holds in a workspace.
type Found struct {
	Config Config
	Path   string // of the file; empty if there is none
	Hosted bool   // whether a language model is configured at all
}

// Find reads the configuration of a workspace's folder: the file that
// MINIVESS_MODELS names, else models.yaml in the folder, if there is one. A model that the
// environment names takes the place of the file's; budgets and cache hold for
// it too.
func Find(root string, getenv func(string) string) (Found, error) {
	path := strings.TrimSpace(getenv(EnvFile))
	named := path != ""
	path = cmp.Or(path, filepath.Join(root, FileName))
	var f Found
	var config Config
	err := error(fs.ErrNotExist)
	if named || root != "" {
		config, err = Load(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
	case err != nil:
		return Found{}, err
	default:
		f = Found{Config: config, Path: path, Hosted: true}
	}
	c, ok := llm.FromEnv(llm.Config{}, getenv)
	if !ok {
		return f, nil
	}
	d := Deployment{Provider: string(c.Provider), Model: c.Model, BaseURL: c.BaseURL, fromEnv: true}
	if c.APIKey != "" {
		d.KeyEnv = llm.EnvAPIKey
	}
	f.Hosted = true
	f.Config.Use, f.Config.Groups = fromEnvironment, map[string]Group{fromEnvironment: {Models: []Deployment{d}}}
	return f, f.Config.check(strictyaml.File{Name: "environment"})
}

// Secrets are the keys of the configuration that can be read, for whoever has
// to keep them out of a file.
func (f Found) Secrets(getenv func(string) string) []string {
	secrets := []string{getenv(llm.EnvAPIKey)}
	for _, g := range f.Config.Groups {
		for i := range g.Models {
			if key, err := g.Models[i].key(f.dir(), getenv); err == nil {
				secrets = append(secrets, key)
			}
		}
	}
	return secrets
}

func (f Found) dir() string { return filepath.Dir(f.Path) }

// Setup is what Open needs beside the configuration.
type Setup struct {
	Root           string // the workspace's folder: the account and the cache lie in it
	Getenv         func(string) string
	Catalogue      []tools.Descriptor
	LastResort     llms.Model
	LastResortName string
	Trace          llm.TraceOptions
	Logger         *slog.Logger
}

// How many tokens a model is taken to read where the configuration does not
// say.
const (
	hostedContext = 150_000
	localContext  = 32_768
)

// Open connects to the models that were found, each behind what chooses its
// tools and shortens its conversation. Close the router when done.
func (f Found) Open(s Setup) (*Router, error) {
	client, tape, err := s.client(f.Secrets(s.Getenv))
	if err != nil {
		return nil, err
	}
	selector := offer.New(s.Catalogue)
	config, spending := f.Config, filepath.Join(s.Root, "spending")
	replay := tape != nil && s.Getenv(EnvReplay) != ""
	if replay { // it costs nothing
		config.Budget, spending = Budget{}, ""
	}
	r, err := New(Options{
		Config: config, Dir: f.dir(), LastResort: s.LastResort, LastResortName: s.LastResortName,
		Spending: spending, CacheDir: filepath.Join(s.Root, "cache", "answers"),
		Getenv: s.Getenv, Client: client, Replay: replay, Trace: s.Trace, Logger: s.Logger,
		Wrap: func(m llms.Model, d Deployment) llms.Model {
			window := d.Context
			if window == 0 {
				window = localContext
				if d.Provider != string(llm.OpenAI) {
					window = hostedContext
				}
			}
			return selector.Wrap(compact.Wrap(m, window, cmp.Or(d.MaxTokens, assumedOutput)), d.Tools)
		},
	})
	if err != nil {
		return nil, err
	}
	r.tape = tape
	return r, nil
}

// client is what all models go through: the network, or a cassette.
func (s Setup) client(secrets []string) (*http.Client, *cassette.Cassette, error) {
	path, mode := s.Getenv(EnvReplay), cassette.Replay
	if path == "" {
		path, mode = s.Getenv(EnvRecord), cassette.Record
	}
	if path == "" {
		return nil, nil, nil
	}
	tape, err := cassette.Open(path, mode, cassette.WithSecrets(secrets...), cassette.WithMatch(cassette.MatchTurn))
	if err != nil {
		return nil, nil, err
	}
	return &http.Client{Transport: tape}, tape, nil
}

// Close writes a recording, if one was asked for.
func (r *Router) Close() error {
	if r.tape == nil {
		return nil
	}
	return r.tape.Close()
}

// Problems are the models of the configuration that cannot be asked, and why.
func (r *Router) Problems() []error {
	var out []error
	for _, g := range r.chain() {
		for _, d := range g.models {
			if d.broken != nil {
				out = append(out, fmt.Errorf("%s: %w", d.Name, d.broken))
			}
		}
	}
	return out
}
