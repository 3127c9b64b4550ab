package router_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/llmtest"
	"github.com/minivess/minivess/agent/llm/router"
	"github.com/minivess/minivess/configs"
)

func TestMistakesInTheConfiguration(t *testing.T) {
	t.Parallel()
	model := "{model: a, base_url: \"http://a/v1\"}"
	for name, c := range map[string]struct {
		yaml string
		want []string
	}{
		"a typo at the top":   {"grups: {}\n", []string{"models.yaml:1:1", `unknown key "grups"`, "did you mean groups?"}},
		"a typo in a model":   {"groups:\n  main:\n    models:\n      - modle: a\n", []string{"models.yaml:4:9", `unknown key "modle"`, "did you mean model?"}},
		"a key in the file":   {"groups:\n  main:\n    models:\n      - {model: a, base_url: \"http://a\", key: sk-secret-123456}\n", []string{`unknown key "key"`, "did you mean"}},
		"a key for a name":    {"groups:\n  main:\n    models:\n      - {model: a, base_url: \"http://a\", key_env: sk-secret-123456}\n", []string{"models.yaml:4:", "the name of an environment variable"}},
		"not a number":        {"groups:\n  main:\n    models: [{model: a, base_url: x, rpm: many}]\n", []string{"models.yaml:3:"}},
		"not a time":          {"groups:\n  main:\n    cooldown: soon\n    models: [" + model + "]\n", []string{"want a time such as 30s"}},
		"no groups":           {"use: main\n", []string{"there is no group of models", "for example"}},
		"empty":               {"", []string{"there is no group of models"}},
		"a group of none":     {"groups: {main: {fallback: [planner]}}\n", []string{`the group "main" has no models`}},
		"use of nothing":      {"use: mian\ngroups: {main: {models: [" + model + "]}}\n", []string{"models.yaml:1:6", `no group "mian"`, "did you mean main?"}},
		"which of two":        {"groups: {x: {models: [" + model + "]}, y: {models: [" + model + "]}}\n", []string{"does not say which", "use: x"}},
		"fallback to nothing": {"groups: {main: {models: [" + model + "], fallback: [plannner]}}\n", []string{`no other group "plannner"`, "did you mean planner?"}},
		"fallback to itself":  {"groups: {main: {models: [" + model + "], fallback: [main]}}\n", []string{`no other group "main"`}},
		"a group's name":      {"groups: {planner: {models: [" + model + "]}}\n", []string{"built-in planner"}},
		"an unknown provider": {"groups: {main: {models: [{model: a, provider: antropic}]}}\n", []string{`no provider "antropic"`, "did you mean anthropic?"}},
		"no address":          {"groups: {main: {models: [{model: a}]}}\n", []string{`no address for "a"`, "base_url"}},
		"no name":             {"groups: {main: {models: [{base_url: \"http://a\"}]}}\n", []string{"no model is named"}},
		"two keys":            {"groups: {main: {models: [{model: a, base_url: x, key_env: A, key_file: b}]}}\n", []string{"both key_env and key_file"}},
		"a negative budget":   {"groups: {main: {models: [" + model + "]}}\nbudget: {day_usd: -1}\n", []string{"models.yaml:2:", "negative"}},
		"a negative price":    {"groups: {main: {models: [{model: a, base_url: x, price: {input: -1}}]}}\n", []string{"price cannot be negative"}},
		"no YAML":             {"groups: [\n", []string{"models.yaml:"}},
		"two documents":       {"a: 1\n---\nb: 2\n", []string{"models.yaml:3:2: a second document"}},
	} {
		_, err := router.Parse("models.yaml", []byte(c.yaml))
		if !errors.Is(err, router.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %v", name, w, err)
			}
		}
		if strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(two))
	f.Add([]byte("groups: {main: {models: [{model: a, price: {input: 1}}]}}\nuse: *x\n"))
	f.Add([]byte("groups:\n  main:\n    cooldown: 1h\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := router.Parse("models.yaml", raw)
		if err != nil {
			if !errors.Is(err, router.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if _, ok := c.Groups[c.Use]; !ok {
			t.Errorf("use %q is no group", c.Use)
		}
	})
}

func none(string) string { return "" }

func TestTheShippedSampleIsSound(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(configs.FS(), "models.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := router.Parse("configs/models.yaml", raw)
	if err != nil || len(c.Groups) < 3 || c.Budget.DayUSD == 0 {
		t.Errorf("%+v %v", c, err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if f, err := router.Find(root, none); err != nil || f.Hosted {
		t.Errorf("an empty workspace: %+v %v", f, err)
	}
	if f, err := router.Find("", none); err != nil || f.Hosted {
		t.Errorf("no workspace: %+v %v", f, err)
	}
	write(t, filepath.Join(root, "models.yaml"), two+"budget: {day_usd: 3}\n", 0o644)
	f, err := router.Find(root, none)
	if err != nil || !f.Hosted || f.Config.Use != "main" {
		t.Errorf("a file: %+v %v", f, err)
	}
	env := map[string]string{llm.EnvBaseURL: "http://e/v1", llm.EnvModel: "e", llm.EnvAPIKey: "sk-of-the-environment"}
	f, err = router.Find(root, func(k string) string { return env[k] })
	if err != nil || len(f.Config.Groups) != 1 || f.Config.Groups[f.Config.Use].Models[0].Model != "e" || f.Config.Budget.DayUSD != 3 {
		t.Errorf("the environment wins, the budget stays: %+v %v", f, err)
	}
	if _, err := router.Find(root, func(k string) string { return map[string]string{router.EnvFile: "/nowhere/models.yaml"}[k] }); err == nil {
		t.Error("a file that was named and is not there is no error")
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestKeysAreNobodyElses reads keys from the environment and from files, and
// refuses files that others can read.
func TestKeysAreNobodyElses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good"), "sk-in-a-file\n", 0o600)
	write(t, filepath.Join(dir, "open"), "sk-in-a-file\n", 0o640)
	write(t, filepath.Join(dir, "empty"), "\n", 0o600)
	write(t, filepath.Join(dir, "letter"), "Dear Sir,\nsk-in-a-file\n", 0o600)
	for setting, want := range map[string]string{
		"key_env: GOOD": "", "key_env: MISSING": "MISSING is not set", "key_file: good": "", "key_file: open": "chmod 600",
		"key_file: empty": "does not hold one key", "key_file: letter": "does not hold one key", "key_file: nowhere": "no such file", "key_file: .": "is not a file",
	} {
		write(t, filepath.Join(dir, "models.yaml"), "groups: {main: {models: [{model: a, base_url: \"http://a/v1\", "+setting+"}]}}\n", 0o600)
		getenv := func(k string) string { return map[string]string{"GOOD": "sk-in-a-variable"}[k] }
		found, err := router.Find(dir, getenv)
		if err != nil {
			t.Fatal(err)
		}
		r, err := found.Open(router.Setup{Root: dir, Getenv: getenv, LastResort: llmtest.New(llmtest.Reply{Text: "plan"}), LastResortName: "planner"})
		if err != nil {
			t.Fatal(err)
		}
		problems := r.Problems()
		if want == "" {
			if len(problems) > 0 {
				t.Errorf("%s: %v", setting, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) || strings.Contains(problems[0].Error(), "sk-in") {
			t.Errorf("%s: %v, want %q", setting, problems, want)
		}
		resp, err := r.GenerateContent(t.Context(), hello)
		if err != nil || resp.Choices[0].Content != "plan" || !strings.Contains(notices(resp), want) {
			t.Errorf("%s: %v %s", setting, err, notices(resp))
		}
	}
}
