// Package router chooses which language model answers. Models that are good
// for the same form a group; when one cannot be asked, the next is, then the
// groups to fall back on, and last the built-in planner, labelled as such.
// This is the only place that retries: a provider's client asks once. How a
// model is reached, what the wire looks like and what an answer means are the
// business of others.
package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/cassette"
	"github.com/minivess/minivess/agent/llm/price"
	"github.com/minivess/minivess/agent/llm/spend"
	"github.com/minivess/minivess/engine/strictyaml"
)

// The keys under which GenerationInfo says who answered, beside package llm's.
const (
	InfoGroup  = "group"  // string: the group that answered, or Planner
	InfoCached = "cached" // true if the answer was given before
)

// Options are what a Router is made of. LastResort and Getenv are required.
type Options struct {
	Config Config
	Dir    string // what a relative key_file starts at

	LastResort     llms.Model // the built-in planner
	LastResortName string     // what it is called

	Spending string // folder of the account; none is kept when empty
	CacheDir string // folder of answers, if the configuration wants them kept

	Getenv  func(string) string
	Connect func(llm.Config) (llms.Model, error) // llm.New when nil
	Client  *http.Client                         // for all models; a plain one when nil
	Replay  bool                                 // Client replays a cassette: no keys are needed
	// Wrap, if set, goes around each model, within the router: it may choose
	// the tools that are sent, or shorten the conversation.
	Wrap  func(llms.Model, Deployment) llms.Model
	Trace llm.TraceOptions // Tracer and Content; every call has a span of its own

	Jitter func() float64 // in [0, 1); random when nil
	Logger *slog.Logger
}

// Router is a language model made of several. It is safe for concurrent use.
type Router struct {
	options Options
	groups  map[string]*group
	ledger  *spend.Ledger
	cache   *cache
	tape    *cassette.Cassette
}

var _ llms.Model = (*Router)(nil)

type group struct {
	Group
	name   string
	models []*deployment
	jitter func() float64
}

// jittered is a time give or take a fifth, so that many who failed at once do
// not come back at once.
func (g *group) jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*g.jitter()))
}

// New connects to the models of a configuration. One whose key is missing
// stays, with its error, so that the others of its group can be used.
func New(o Options) (*Router, error) {
	if o.Connect == nil {
		o.Connect = llm.New
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if err := o.Config.check(strictyaml.File{Name: "models"}); err != nil {
		return nil, err
	}
	prices, err := price.Embedded()
	if err != nil {
		return nil, err
	}
	b := o.Config.Budget
	limits := spend.Limits{
		Thread: spend.Amount{USD: b.ThreadUSD, Tokens: b.ThreadTokens}, Day: spend.Amount{USD: b.DayUSD, Tokens: b.DayTokens},
	}
	r := &Router{options: o, groups: map[string]*group{}}
	switch {
	case o.Spending != "":
		r.ledger = spend.New(o.Spending, limits)
	case limits.Any():
		return nil, errors.New("a budget needs a folder in which the account is kept")
	}
	if o.CacheDir != "" && o.Config.Cache.TTL > 0 {
		r.cache = &cache{dir: o.CacheDir, ttl: time.Duration(o.Config.Cache.TTL), entries: o.Config.Cache.Entries}
	}
	for name, g := range o.Config.Groups {
		made := &group{Group: g, name: name, jitter: o.Jitter}
		for _, m := range g.Models {
			d, err := r.deploy(m, prices, limits)
			if err != nil {
				return nil, err
			}
			made.models = append(made.models, d)
		}
		r.groups[name] = made
	}
	return r, nil
}

func (r *Router) deploy(m Deployment, prices price.Table, limits spend.Limits) (*deployment, error) {
	d := &deployment{Deployment: m, limiter: limiter{rpm: m.RPM, tpm: m.TPM}}
	key, err := m.key(r.options.Dir, r.options.Getenv)
	if err != nil && !r.options.Replay {
		d.broken = llm.NewError(llm.KindConfig, "set it, or take the model out of models.yaml", "%v", err)
		return d, nil
	}
	inner, err := r.options.Connect(llm.Config{
		Provider: llm.Provider(m.Provider), BaseURL: m.BaseURL, Model: m.Model, APIKey: key, MaxTokens: m.MaxTokens,
		Timeout: time.Duration(m.Timeout), Idle: time.Duration(m.Idle), Client: r.options.Client, Source: m.source(),
	})
	var bad *llm.Error
	switch {
	case errors.As(err, &bad):
		d.broken = bad
		return d, nil
	case err != nil:
		return nil, fmt.Errorf("connect to %s: %w", m.Name, err)
	}
	t := r.options.Trace
	t.Provider, t.Model = m.Provider, m.Model
	metered := &meter{inner: inner, deployment: d, ledger: r.ledger, limits: limits, prices: prices, warn: r.warn}
	d.model = llm.Traced(llm.Func(metered.ask), t)
	if r.options.Wrap != nil {
		d.model = r.options.Wrap(d.model, m)
	}
	return d, nil
}

func (r *Router) warn(ctx context.Context, err error) {
	if r.options.Logger != nil {
		r.options.Logger.WarnContext(ctx, "keeping account of language models", "error", err)
	}
}

// Name says who is asked first, for a status line.
func (r *Router) Name() string {
	g := r.groups[r.options.Config.Use]
	names := make([]string, len(g.models))
	for i, d := range g.models {
		names[i] = d.Name
	}
	return strings.Join(names, ", ")
}

// Spent is what models cost today, and on a thread.
func (r *Router) Spent(thread string) (today, ofThread spend.Totals, err error) {
	if r.ledger == nil {
		return spend.Totals{}, spend.Totals{}, nil
	}
	return r.ledger.Spent(thread)
}

// Call answers one prompt without tools.
func (r *Router) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, r, prompt, options...)
}

// GenerateContent asks the models in turn until one answers.
func (r *Router) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	q := newQuestion(messages, options)
	key := r.cache.key(r.options.Config, q)
	if resp := r.cache.get(key); resp != nil {
		return resp, q.replay(ctx, resp)
	}
	var failed []failure
	for _, g := range r.chain() {
		resp, d, err := r.ask(ctx, g, q)
		if err == nil {
			label(resp, g.name, d.Provider, notice(d.title(), failed))
			if len(failed) == 0 {
				r.cache.put(key, resp)
			}
			return resp, nil
		}
		var e *llm.Error
		if ctx.Err() != nil || !errors.As(err, &e) {
			return nil, err
		}
		if e.Kind == llm.KindInterrupted {
			return nil, err
		}
		failed = append(failed, failure{g.name, e})
	}
	return r.lastResort(ctx, q, failed)
}

// lastResort lets the planner answer, and says so.
func (r *Router) lastResort(ctx context.Context, q *question, failed []failure) (*llms.ContentResponse, error) {
	t := r.options.Trace
	t.Provider, t.Model = "minivess", r.options.LastResortName
	resp, err := llm.Traced(r.options.LastResort, t).GenerateContent(ctx, q.messages, q.options()...)
	if err != nil {
		return nil, fmt.Errorf("%s could not answer either: %w", r.options.LastResortName, err)
	}
	label(resp, Planner, "minivess", notice("the built-in planner", failed))
	return resp, nil
}

// chain is the group in use and those to fall back on, each once.
func (r *Router) chain() []*group {
	var out []*group
	seen := map[string]bool{Planner: true}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		out = append(out, r.groups[name])
		for _, next := range r.groups[name].Fallback {
			add(next)
		}
	}
	add(r.options.Config.Use)
	return out
}

// failure is why a group did not answer.
type failure struct {
	group string
	err   *llm.Error
}

// notice says who answered instead of whom, and why; "" if nobody failed.
func notice(who string, failed []failure) string {
	if len(failed) == 0 {
		return ""
	}
	var names, reasons []string
	for _, f := range failed {
		names = append(names, f.group)
		reason := strings.TrimRight(f.err.Message, ".")
		if h := f.err.Hint(); h != "" {
			reason += " (" + h + ")"
		}
		reasons = append(reasons, reason)
	}
	return fmt.Sprintf("%s answered, not %s: %s", strings.ToUpper(who[:1])+who[1:], strings.Join(names, " or "), strings.Join(reasons, "; "))
}

func label(resp *llms.ContentResponse, group, provider, notice string) {
	for _, c := range resp.Choices {
		if c.GenerationInfo == nil {
			c.GenerationInfo = map[string]any{}
		}
		c.GenerationInfo[InfoGroup], c.GenerationInfo[llm.InfoProvider] = group, provider
		if notice != "" {
			before, _ := c.GenerationInfo[llm.InfoNotices].([]string)
			c.GenerationInfo[llm.InfoNotices] = append(slices.Clip(before), notice)
		}
	}
}
