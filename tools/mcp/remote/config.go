package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/minivess/minivess/engine/strictyaml"
)

// ConfigFile is the configuration's name in a workspace.
const ConfigFile = "mcp.yaml"

// ErrConfig says that the configuration cannot be used.
var ErrConfig = errors.New("configuration of MCP servers")

const (
	maxConfig    = 256 << 10
	maxServers   = 32
	maxNamed     = 128 // tools that a configuration names
	startWithin  = 30 * time.Second
	answerWithin = 2 * time.Minute
	longest      = 24 * time.Hour
	outputBytes  = 256 << 10
	mostOutput   = 4 << 20
)

// Config is the servers of a workspace.
type Config struct {
	Servers []Server `yaml:"servers"`
}

// Server is one of them: a command that speaks MCP on its stdin and stdout, or
// an address that speaks it over HTTP.
type Server struct {
	Name    string   `yaml:"name"`
	Command string   `yaml:"command"`
	Args    []string `yaml:"args"`
	// Env is added to a small environment. A value ${NAME} is taken from
	// minivess's own, so that secrets need not be written down.
	Env map[string]string `yaml:"env"`
	URL string            `yaml:"url"`
	// TokenEnv names the environment variable that holds the bearer token.
	TokenEnv string `yaml:"token_env"`
	// TrustReadOnly lets tools that are annotated as reading run unasked.
	TrustReadOnly bool `yaml:"trust_read_only"`
	// Tools, if there are any, are the only ones taken.
	Tools          []string `yaml:"tools"`
	StartTimeout   string   `yaml:"start_timeout"`
	Timeout        string   `yaml:"timeout"`
	MaxOutputBytes int      `yaml:"max_output_bytes"`

	startWithin, answerWithin time.Duration
}

// Load reads the configuration at path. There need not be one.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	defer f.Close() //nolint:errcheck // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c, err := Parse(raw)
	if err != nil {
		return Config{}, fmt.Errorf("%w %q: %w", ErrConfig, path, err)
	}
	return c, nil
}

// Parse reads a configuration strictly: every key must be known.
func Parse(raw []byte) (Config, error) {
	var c Config
	if len(raw) > maxConfig {
		return c, fmt.Errorf("larger than %d bytes; is this a configuration?", maxConfig)
	}
	if _, bad := strictyaml.Decode(ConfigFile, raw, &c); bad != nil {
		return Config{}, bad
	}
	if len(c.Servers) > maxServers {
		return Config{}, fmt.Errorf("%d servers, of which %d are the most", len(c.Servers), maxServers)
	}
	names := map[string]bool{}
	for i := range c.Servers {
		s := &c.Servers[i]
		if err := s.check(); err != nil {
			return Config{}, fmt.Errorf("server %d (%q): %w", i+1, s.Name, err)
		}
		if names[s.Name] {
			return Config{}, fmt.Errorf("two servers are called %q", s.Name)
		}
		names[s.Name] = true
	}
	return c, nil
}

// serverName keeps names short enough for those of tools, and free of what
// divides the two.
var serverName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`) //nolint:gochecknoglobals // a constant in all but name

func (s *Server) check() (err error) {
	const longestName = 20
	switch {
	case !serverName.MatchString(s.Name) || len(s.Name) > longestName:
		return fmt.Errorf("its name must be lower-case letters, digits and single dashes, %d at most", longestName)
	case (s.Command == "") == (s.URL == ""):
		return errors.New("give it either a command or a url")
	case s.URL != "" && (len(s.Args) > 0 || len(s.Env) > 0):
		return errors.New("args and env belong to a command, not to a url")
	case s.Command != "" && s.TokenEnv != "":
		return errors.New("token_env belongs to a url; give a command its secrets in env")
	case len(s.Tools) > maxNamed:
		return fmt.Errorf("%d tools are named, of which %d are the most", len(s.Tools), maxNamed)
	case s.MaxOutputBytes < 0 || s.MaxOutputBytes > mostOutput:
		return fmt.Errorf("max_output_bytes must be from 1 to %d", mostOutput)
	}
	for key := range s.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") {
			return fmt.Errorf("env: %q cannot be the name of a variable", key)
		}
	}
	if s.MaxOutputBytes == 0 {
		s.MaxOutputBytes = outputBytes
	}
	if s.startWithin, err = duration("start_timeout", s.StartTimeout, startWithin); err != nil {
		return err
	}
	if s.answerWithin, err = duration("timeout", s.Timeout, answerWithin); err != nil {
		return err
	}
	return checkURL(s.URL)
}

func duration(key, text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > longest {
		return 0, fmt.Errorf("%s: %q is not a time such as 30s or 5m, up to 24h", key, text)
	}
	return d, nil
}

// checkURL wants an address that a token may be sent to.
func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("url: %q is not an address, or holds a password; use token_env for that", redactURL(text))
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return fmt.Errorf("url: %q must be https, or http on this machine", text)
	}
	return nil
}

func redactURL(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	return "…"
}

// runs says what a server is, for a person.
func (s *Server) runs() string {
	if s.URL != "" {
		return s.URL
	}
	return strings.Join(append([]string{s.Command}, s.Args...), " ")
}

// digest names what a person looked at: another command is another server.
// The values of variables are left out, so that a new secret needs no new look.
func (s *Server) digest() string {
	var names []string
	for key := range s.Env {
		names = append(names, key)
	}
	slices.Sort(names)
	raw, err := json.Marshal(map[string]any{
		"command": s.Command, "args": s.Args, "env": names, "url": s.URL, "tools": s.Tools,
	})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
