package remote_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/tools/mcp/remote"
)

func TestConfigurations(t *testing.T) {
	t.Parallel()
	many := "servers:\n" + strings.Repeat("  - {name: a, command: b}\n", 33)
	for text, says := range map[string]string{
		"":            "",
		"servers: []": "",
		"servers:\n  - name: files\n    command: npx\n    args: [-y, server, /data]\n    env: {A: b}\n    timeout: 5m\n    trust_read_only: true\n    max_output_bytes: 1000": "",
		"servers: [{name: lab, url: 'https://example.org/mcp', token_env: LAB}]":                                                                                              "",
		"servers: [{name: lab, url: 'http://127.0.0.1:80/mcp'}]":                                                                                                              "",
		"server: []": "unknown field",
		"servers: [{name: a, command: b, colour: red}]": "unknown field",
		"servers: [{name: a, command: b, name: c}]":     "already defined",
		"servers: {a: b}":                                              "",
		"servers: [{command: b}]":                                      "its name must be",
		"servers: [{name: A, command: b}]":                             "its name must be",
		"servers: [{name: a__b, command: b}]":                          "its name must be",
		"servers: [{name: a-very-long-name-indeed, command: b}]":       "its name must be",
		"servers: [{name: a}]":                                         "either a command or a url",
		"servers: [{name: a, command: b, url: 'https://x'}]":           "either a command or a url",
		"servers: [{name: a, url: 'https://x', args: [b]}]":            "belong to a command",
		"servers: [{name: a, command: b, token_env: T}]":               "token_env belongs to a url",
		"servers: [{name: a, url: 'http://example.org'}]":              "must be https",
		"servers: [{name: a, url: 'https://me:pw@x'}]":                 "holds a password",
		"servers: [{name: a, url: 'ftp://x'}]":                         "must be https",
		"servers: [{name: a, command: b, timeout: soon}]":              "is not a time",
		"servers: [{name: a, command: b, timeout: -1s}]":               "is not a time",
		"servers: [{name: a, command: b, start_timeout: 48h}]":         "is not a time",
		"servers: [{name: a, command: b, max_output_bytes: 99999999}]": "max_output_bytes",
		"servers: [{name: a, command: b, env: {'A=B': c}}]":            "name of a variable",
		"servers: [{name: a, command: b}, {name: a, command: c}]":      "two servers",
		"servers: []\n---\nservers: []":                                "second document",
		"servers: [":                                                   "",
		many:                                                           "33 servers",
		strings.Repeat("#", 300<<10):                                   "larger than",
	} {
		c, err := remote.Parse([]byte(text))
		wantErr := says != "" || strings.HasPrefix(text, "servers: {") || text == "servers: ["
		if (err != nil) != wantErr {
			t.Errorf("%.80q: %+v, %v", text, c, err)
		}
		if err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: the error lacks %q: %v", text, says, err)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}

func TestLoading(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), remote.ConfigFile)
	if c, err := remote.Load(path); err != nil || len(c.Servers) != 0 {
		t.Errorf("no file: %+v %v", c, err)
	}
	if err := os.WriteFile(path, []byte("servers: [{name: A}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Load(path); !errors.Is(err, remote.ErrConfig) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := remote.Load(filepath.Dir(path)); !errors.Is(err, remote.ErrConfig) {
		t.Errorf("a folder: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("servers: [{name: a, command: b, env: {A: b}}]"))
	f.Add([]byte("servers:\n- &x {name: a}\n- *x\n"))
	f.Add([]byte("!!binary x: [\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := remote.Parse(raw)
		if err != nil && len(c.Servers) != 0 {
			t.Error("a configuration with an error was given out")
		}
		for _, s := range c.Servers {
			if s.Name == "" || (s.Command == "") == (s.URL == "") || s.MaxOutputBytes <= 0 {
				t.Errorf("let through: %+v", s)
			}
		}
	})
}
