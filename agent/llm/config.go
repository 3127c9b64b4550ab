package llm

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
)

// The environment variables that FromEnv reads.
const (
	EnvBaseURL = "MINIVESS_LLM_BASE_URL"
	EnvModel   = "MINIVESS_LLM_MODEL"
	EnvAPIKey  = "MINIVESS_LLM_API_KEY" //nolint:gosec // the variable's name, not a key
)

// DefaultTimeout is how long one answer may take.
const DefaultTimeout = 2 * time.Minute

// maxResponse is how many bytes of an answer are read.
const maxResponse = 4 << 20

// noKey is sent where a server wants no key but the client library insists.
const noKey = "none"

// Config says where a model is and how to reach it. BaseURL is that of an
// OpenAI-compatible API, with the version: https://api.openai.com/v1,
// http://localhost:11434/v1 (Ollama), http://localhost:8000/v1 (vLLM).
type Config struct {
	BaseURL string
	Model   string
	APIKey  string        // empty for servers that want none
	Timeout time.Duration // DefaultTimeout when 0
	Client  *http.Client  // for tests and proxies; a plain one when nil
}

// FromEnv overrides a configuration with what the environment says, and tells
// whether the result names a model to use at all. Getenv is os.Getenv.
func FromEnv(c Config, getenv func(string) string) (Config, bool) {
	for name, field := range map[string]*string{EnvBaseURL: &c.BaseURL, EnvModel: &c.Model, EnvAPIKey: &c.APIKey} {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			*field = v
		}
	}
	return c, c.BaseURL != "" || c.Model != ""
}

// String describes the configuration without its key.
func (c Config) String() string {
	return fmt.Sprintf("%s at %s", c.Model, redactURL(c.BaseURL))
}

// GoString keeps the key out of %#v.
func (c Config) GoString() string { return "llm.Config{" + c.String() + "}" }

// OpenAICompatible returns the model at an OpenAI-compatible endpoint.
func OpenAICompatible(c Config) (llms.Model, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	key := c.APIKey
	if key == "" {
		key = noKey
	}
	inner, err := openai.New(
		openai.WithToken(key), openai.WithModel(c.Model), openai.WithBaseURL(strings.TrimRight(c.BaseURL, "/")),
		openai.WithOrganization(""), openai.WithAPIType(openai.APITypeOpenAI), openai.WithHTTPClient(&transport{config: c}),
	)
	if err != nil {
		return nil, &Error{Kind: KindConfig, Message: c.clean(err.Error())}
	}
	return &model{inner: inner, config: c}, nil
}

func (c Config) check() error {
	switch u, err := url.Parse(c.BaseURL); {
	case c.BaseURL == "":
		return &Error{Kind: KindConfig, Message: "no address of a language model", hint: "set " + EnvBaseURL + ", for example to http://localhost:11434/v1"}
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return &Error{
			Kind: KindConfig, Message: fmt.Sprintf("%q is not the address of a language model", redactURL(c.BaseURL)),
			hint: "it must begin with http:// or https:// and usually ends in /v1",
		}
	case c.Model == "":
		return &Error{Kind: KindConfig, Message: "no language model is named", hint: "set " + EnvModel + ", for example to qwen3:8b"}
	case strings.ContainsAny(c.APIKey, "\r\n\x00"):
		return &Error{Kind: KindConfig, Message: "the API key has a line break in it", hint: "set " + EnvAPIKey + " to the key alone"}
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
