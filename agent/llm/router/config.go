package router

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/price"
	"github.com/minivess/minivess/engine/strictyaml"
	"github.com/minivess/minivess/tools"
)

// FileName is the configuration's name in a workspace, and EnvFile the
// variable that names another one.
const (
	FileName = "models.yaml"
	EnvFile  = "MINIVESS_MODELS"
)

// Planner is the name under which a fallback list may name the built-in
// planner. It is the last resort of every group whether named or not.
const Planner = "planner"

// Config says which models there are and what happens when one cannot be
// asked.
type Config struct {
	// Use is the group that is asked first; may be left out when there is one.
	Use    string           `yaml:"use"`
	Groups map[string]Group `yaml:"groups"`
	Budget Budget           `yaml:"budget"`
	Cache  Cache            `yaml:"cache"`
}

// Group is models that are good for the same: when one cannot be asked, the
// next is.
type Group struct {
	Models   []Deployment `yaml:"models"`
	Fallback []string     `yaml:"fallback"` // groups to ask when this one fails, in order
	Attempts int          `yaml:"attempts"` // at one answer, over all models of the group; default 3
	// A model that failed AllowedFails times in a row (default 2) rests for
	// Cooldown (default 30s), give or take a fifth.
	AllowedFails int      `yaml:"allowed_fails"`
	Cooldown     Duration `yaml:"cooldown"`
	// Patience is the longest that the group is waited for in all (default
	// 20s); 0s never waits.
	Patience *Duration `yaml:"patience"`
}

// Deployment is one model at one address.
type Deployment struct {
	Name      string       `yaml:"name"` // shown to people; the model's name when empty
	Provider  string       `yaml:"provider"`
	Model     string       `yaml:"model"`
	BaseURL   string       `yaml:"base_url"`
	KeyEnv    string       `yaml:"key_env"`  // the environment variable that holds the key
	KeyFile   string       `yaml:"key_file"` // or a file that only its owner can read
	RPM       int          `yaml:"rpm"`      // requests a minute; 0 for no limit
	TPM       int          `yaml:"tpm"`      // tokens a minute, estimated before the call
	MaxTokens int          `yaml:"max_tokens"`
	Context   int          `yaml:"context"` // tokens that the model reads; longer threads are compacted
	Tools     int          `yaml:"tools"`   // tokens for descriptions of tools; default 2500, -1 sends all
	Timeout   Duration     `yaml:"timeout"`
	Idle      Duration     `yaml:"idle"`
	Price     *price.Price `yaml:"price"` // for models that the table does not know; zeros for one of your own

	fromEnv bool // the settings are variables, not lines of a file
}

// Budget is what may be spent; a zero is no limit. Days are UTC.
type Budget struct {
	ThreadUSD    float64 `yaml:"thread_usd"`
	DayUSD       float64 `yaml:"day_usd"`
	ThreadTokens int     `yaml:"thread_tokens"`
	DayTokens    int     `yaml:"day_tokens"`
}

// Cache keeps answers, so that the same question to the same models is not
// asked twice; off unless TTL is set. Answers may hold what a person said.
type Cache struct {
	TTL     Duration `yaml:"ttl"`
	Entries int      `yaml:"entries"` // the oldest go first; default 500
}

// Duration is a time as people write it: 30s, 2m.
type Duration time.Duration

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < 0 {
		return fmt.Errorf("want a time such as 30s or 2m, got %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// maxFile is the largest configuration that is read.
const maxFile = 1 << 20

// Load reads a configuration file, strictly.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration of models: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration of models: %w", err)
	}
	if len(raw) > maxFile {
		return Config{}, &invalid{Where: path, Message: fmt.Sprintf("larger than %d bytes; is this a configuration?", maxFile)}
	}
	return Parse(path, raw)
}

// Parse reads a configuration; path is for errors.
func Parse(path string, raw []byte) (Config, error) {
	var c Config
	f, err := read(path, raw, &c)
	if err != nil {
		return Config{}, err
	}
	if err := c.check(f); err != nil {
		return Config{}, err
	}
	return c, nil
}

// check fills in defaults and collects every mistake.
func (c *Config) check(f strictyaml.File) error {
	var errs []error
	fail := func(at, hint, format string, args ...any) {
		errs = append(errs, &invalid{Where: f.Place(at), Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	names := slices.Sorted(maps.Keys(c.Groups))
	if len(names) == 0 {
		fail("$", "for example:\n    groups:\n      main:\n        models:\n          - {model: qwen3, base_url: \"http://localhost:11434/v1\"}", "there is no group of models")
	}
	if c.Use == "" && len(names) == 1 {
		c.Use = names[0]
	}
	if _, ok := c.Groups[c.Use]; !ok && len(names) > 0 {
		if c.Use == "" {
			fail("$", "add use: "+names[0], "use does not say which of the groups %s is asked first", strings.Join(names, ", "))
		} else {
			fail("$.use", tools.DidYouMean(c.Use, names, "groups"), "there is no group %q", c.Use)
		}
	}
	for _, name := range names {
		g := c.Groups[name]
		g.check("$.groups."+name, name, names, fail)
		c.Groups[name] = g
	}
	if b := c.Budget; min(b.ThreadUSD, b.DayUSD) < 0 || min(b.ThreadTokens, b.DayTokens) < 0 {
		fail("$.budget", "leave a limit out to have none", "a budget cannot be negative")
	}
	if c.Cache.Entries <= 0 {
		c.Cache.Entries = 500
	}
	return errors.Join(errs...)
}

type failer func(at, hint, format string, args ...any)

func (g *Group) check(at, name string, names []string, fail failer) {
	if name == Planner {
		fail(at, "", "%q is the built-in planner; call the group something else", name)
	}
	if len(g.Models) == 0 {
		fail(at, "add models: [{model: …, base_url: …}]", "the group %q has no models", name)
	}
	for _, next := range g.Fallback {
		if next != Planner && !slices.Contains(names, next) || next == name {
			fail(at+".fallback", tools.DidYouMean(next, append(slices.Clone(names), Planner), "groups"), "there is no other group %q to fall back on", next)
		}
	}
	if g.Attempts < 0 || g.AllowedFails < 0 {
		fail(at, "", "attempts and allowed_fails cannot be negative")
	}
	if g.Attempts == 0 {
		g.Attempts = 3
	}
	if g.AllowedFails == 0 {
		g.AllowedFails = 2
	}
	if g.Cooldown == 0 {
		g.Cooldown = Duration(30 * time.Second)
	}
	if g.Patience == nil {
		patience := Duration(20 * time.Second)
		g.Patience = &patience
	}
	for i := range g.Models {
		g.Models[i].check(fmt.Sprintf("%s.models[%d]", at, i), fail)
	}
}

// defaultTools is how many tokens the descriptions of tools may take.
const defaultTools = 2500

// variable is what an environment variable is called. A key pasted in its
// place does not look like one.
const variable = `^[A-Z][A-Z0-9_]*$`

func (m *Deployment) check(at string, fail failer) {
	if m.Provider == "" {
		m.Provider = string(llm.OpenAI)
	}
	if !slices.Contains(llm.Providers(), m.Provider) {
		fail(at+".provider", tools.DidYouMean(m.Provider, llm.Providers(), "providers")+"; openai stands for every compatible server", "there is no provider %q", m.Provider)
	}
	if m.Model == "" && !m.fromEnv {
		fail(at, "add model: with its name", "no model is named")
	}
	if m.Provider == string(llm.OpenAI) && m.BaseURL == "" && !m.fromEnv {
		fail(at, "add base_url, for example http://localhost:11434/v1 or https://api.openai.com/v1", "no address for %q", m.Model)
	}
	if ok, err := regexp.MatchString(variable, m.KeyEnv); m.KeyEnv != "" && (err != nil || !ok) { // not shown: it may be the key
		fail(at+".key_env", "put the key into a variable and its name here; a key has no place in this file", "key_env wants the name of an environment variable, such as OPENAI_API_KEY")
	}
	if m.KeyEnv != "" && m.KeyFile != "" {
		fail(at+".key_file", "keep one of them", "both key_env and key_file say where the key is")
	}
	if min(m.RPM, m.TPM, m.MaxTokens, m.Context) < 0 {
		fail(at, "leave a limit out to have none", "a limit cannot be negative")
	}
	if m.Price != nil && min(m.Price.Input, m.Price.Output, m.Price.CacheRead, m.Price.CacheWritten) < 0 {
		fail(at+".price", "", "a price cannot be negative")
	}
	if m.Tools == 0 {
		m.Tools = defaultTools
	}
	if m.Name == "" {
		m.Name = m.Model
	}
}

// ErrKey is wrapped by an error about a key that cannot be had.
var ErrKey = errors.New("the key cannot be read")

// key finds a deployment's key: in the environment, or in a file that is
// nobody else's. Its errors never hold any of it.
func (m *Deployment) key(dir string, getenv func(string) string) (string, error) {
	switch {
	case m.KeyEnv != "":
		key := strings.TrimSpace(getenv(m.KeyEnv))
		if key == "" {
			return "", fmt.Errorf("%w: %s is not set, which the model %q needs", ErrKey, m.KeyEnv, m.Name)
		}
		return key, nil
	case m.KeyFile != "":
		path := m.KeyFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return keyFile(path)
	}
	return "", nil
}

// source names where the settings of a model stand.
func (m *Deployment) source() llm.Source {
	s := llm.Source{BaseURL: "base_url in models.yaml", Model: "model in models.yaml"}
	s.APIKey = "key_env or key_file of models.yaml"
	switch {
	case m.fromEnv:
		return llm.Source{}
	case m.KeyEnv != "":
		s.APIKey = m.KeyEnv
	case m.KeyFile != "":
		s.APIKey = m.KeyFile
	}
	return s
}

// maxKey is the longest key that is read.
const maxKey = 16 << 10

func keyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: %q is not a file", ErrKey, path)
	}
	if others := info.Mode().Perm() & fs.FileMode(0o077); others != 0 {
		return "", fmt.Errorf("%w: others than its owner may use %q (mode %04o); chmod 600 it", ErrKey, path, info.Mode().Perm())
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrKey, err)
	}
	key := strings.TrimSpace(string(raw))
	if key == "" || len(raw) > maxKey || strings.ContainsAny(key, "\r\n") {
		return "", fmt.Errorf("%w: %q does not hold one key on one line", ErrKey, path)
	}
	return key, nil
}
