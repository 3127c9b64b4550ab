package llm

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm/wire"
)

// Provider says which wire format an endpoint speaks.
type Provider string

// The providers. OpenAI stands for every server with that format: vLLM,
// Ollama, LM Studio, OpenRouter and many more.
const (
	OpenAI    Provider = "openai"
	Anthropic Provider = "anthropic"
	Google    Provider = "google"
)

// Providers lists them.
func Providers() []string { return []string{string(OpenAI), string(Anthropic), string(Google)} }

// The environment variables that FromEnv reads.
const (
	EnvBaseURL  = "MINIVESS_LLM_BASE_URL"
	EnvModel    = "MINIVESS_LLM_MODEL"
	EnvAPIKey   = "MINIVESS_LLM_API_KEY" //nolint:gosec // the variable's name, not a key
	EnvProvider = "MINIVESS_LLM_PROVIDER"
)

// How long an answer may take, and how long a stream may be silent once it has
// begun.
const (
	DefaultTimeout = 2 * time.Minute
	DefaultIdle    = 30 * time.Second
)

// Config says where a model is and how to reach it. BaseURL is that of the
// API, with the version: https://api.openai.com/v1, http://localhost:11434/v1
// (Ollama), http://localhost:8000/v1 (vLLM). Anthropic and Google have one
// that is used when it is empty.
type Config struct {
	Provider  Provider // OpenAI when empty
	BaseURL   string
	Model     string
	APIKey    string        // empty for servers that want none
	MaxTokens int           // of an answer, unless the call says so; 0 leaves it to the server
	Timeout   time.Duration // DefaultTimeout when 0
	Idle      time.Duration // DefaultIdle when 0
	Client    *http.Client  // for tests, proxies and cassettes; a plain one when nil
	Source    Source        // where the settings come from, for what errors advise
}

// Source names where a person sets a model's address, name and key. The zero
// value means the environment.
type Source struct{ BaseURL, Model, APIKey string }

func (s Source) orEnv() Source {
	for into, name := range map[*string]string{&s.BaseURL: EnvBaseURL, &s.Model: EnvModel, &s.APIKey: EnvAPIKey} {
		if *into == "" {
			*into = name
		}
	}
	return s
}

// FromEnv overrides a configuration with what the environment says, and tells
// whether the result names a model to use at all. Getenv is os.Getenv.
func FromEnv(c Config, getenv func(string) string) (Config, bool) {
	for name, field := range map[string]*string{EnvBaseURL: &c.BaseURL, EnvModel: &c.Model, EnvAPIKey: &c.APIKey} {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			*field = v
		}
	}
	if v := strings.TrimSpace(getenv(EnvProvider)); v != "" {
		c.Provider = Provider(strings.ToLower(v))
	}
	return c, c.BaseURL != "" || c.Model != ""
}

// String describes the configuration without its key.
func (c Config) String() string {
	return fmt.Sprintf("%s at %s", c.Model, redactURL(c.BaseURL))
}

// GoString keeps the key out of %#v.
func (c Config) GoString() string { return "llm.Config{" + c.String() + "}" }

// New returns the model that a configuration describes.
func New(c Config) (llms.Model, error) {
	c.Source = c.Source.orEnv()
	if c.Provider == "" {
		c.Provider = OpenAI
	}
	m := &model{config: c}
	switch c.Provider {
	case OpenAI:
		m.format = wire.OpenAI{ModernLimit: strings.Contains(c.BaseURL, "//api.openai.com/")}
	case Anthropic:
		m.format = wire.Anthropic{}
		m.config.defaultURL("https://api.anthropic.com/v1")
	case Google:
		m.format = wire.Google{Signature: m.signatures.get}
		m.config.defaultURL("https://generativelanguage.googleapis.com/v1beta")
	}
	m.config.BaseURL = strings.TrimRight(m.config.BaseURL, "/")
	if m.config.Timeout <= 0 {
		m.config.Timeout = DefaultTimeout
	}
	if m.config.Idle <= 0 {
		m.config.Idle = DefaultIdle
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = stay
	m.config.Client = &client
	if err := m.config.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// stay follows no redirection: it would show the key to whoever it leads to.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// OpenAICompatible returns the model at an OpenAI-compatible endpoint.
func OpenAICompatible(c Config) (llms.Model, error) {
	c.Provider = OpenAI
	return New(c)
}

func (c *Config) defaultURL(address string) {
	if c.BaseURL == "" {
		c.BaseURL = address
	}
}

func (c Config) check() error {
	switch u, err := url.Parse(c.BaseURL); {
	case c.Provider != OpenAI && c.Provider != Anthropic && c.Provider != Google:
		return &Error{
			Kind: KindConfig, Message: fmt.Sprintf("there is no provider %q", string(c.Provider)),
			hint: "want " + strings.Join(Providers(), ", ") + "; openai stands for every compatible server",
		}
	case c.BaseURL == "":
		return &Error{Kind: KindConfig, Message: "no address of a language model", hint: "set " + c.Source.BaseURL + ", for example to http://localhost:11434/v1"}
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return &Error{
			Kind: KindConfig, Message: fmt.Sprintf("%q is not the address of a language model", redactURL(c.BaseURL)),
			hint: "it must begin with http:// or https:// and usually ends in /v1",
		}
	case c.Model == "":
		return &Error{Kind: KindConfig, Message: "no language model is named", hint: "set " + c.Source.Model + ", for example to qwen3:8b"}
	case strings.ContainsAny(c.APIKey, "\r\n\x00"):
		return &Error{Kind: KindConfig, Message: "the API key has a line break in it", hint: "set " + c.Source.APIKey + " to the key alone"}
	}
	return nil
}

// redactURL takes a password out of an address.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "an address that cannot be read"
	}
	u.RawQuery = ""
	return u.Redacted()
}
