package router

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
	"github.com/minivess/minivess/agent/llm/price"
	"github.com/minivess/minivess/agent/llm/spend"
)

// deployment is a model at work: what it may do now, and what it costs.
type deployment struct {
	Deployment
	model   llms.Model // meter behind tracing, compaction and the choice of tools
	broken  *llm.Error // why it cannot be asked at all: no key, no such address
	limiter limiter

	mu      sync.Mutex
	fails   int       // in a row
	resting time.Time // not asked before
	why     *llm.Error
}

// ready is how long until the model may be asked.
func (d *deployment) ready(now time.Time, tokens int) time.Duration {
	d.mu.Lock()
	rest := d.resting.Sub(now)
	d.mu.Unlock()
	return max(rest, d.limiter.wait(now, tokens), 0)
}

// tired is the error of a model that would have to be waited for too long:
// why it rests, and how long.
func (d *deployment) tired(wait time.Duration) *llm.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := llm.NewError(llm.KindRateLimited, "wait, or give the group another model", "%s has reached its limit for another %s", d.Name, wait.Round(time.Second))
	if d.why != nil && d.fails > 0 {
		e = llm.NewError(d.why.Kind, d.why.Hint(), "%s; it is asked again in %s", strings.TrimRight(d.why.Message, "."), wait.Round(time.Second))
	}
	e.RetryAfter = wait
	return e
}

func (d *deployment) succeeded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = 0
}

// failed lets the model rest: as long as the server asks; a little longer each
// time; and for the cooldown when it failed too often, or when asking again
// cannot help.
func (d *deployment) failed(now time.Time, g *group, e *llm.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails, d.why = d.fails+1, e
	rest := g.jittered(backoff << min(d.fails-1, maxDoublings))
	if d.fails >= g.AllowedFails || !e.Passing() {
		rest = g.jittered(time.Duration(g.Cooldown))
	}
	if until := now.Add(max(rest, e.RetryAfter)); until.After(d.resting) {
		d.resting = until
	}
}

// How long a model rests after its first failure, and how often that doubles.
const (
	backoff      = 500 * time.Millisecond
	maxDoublings = 6
)

// meter is the innermost wrapper of a deployment: each call to the server is
// counted, held against the budget, and priced.
type meter struct {
	inner      llms.Model
	deployment *deployment
	ledger     *spend.Ledger
	limits     spend.Limits
	prices     price.Table
	warn       func(ctx context.Context, err error)
}

// assumedOutput is how many tokens an answer is taken to have before it is
// there, where nobody set a limit.
const assumedOutput = 4096

// ask asks the model if the budget allows it.
func (m *meter) ask(ctx context.Context, messages []llms.MessageContent, opts llms.CallOptions) (*llms.ContentResponse, error) {
	d := m.deployment
	input, output := llm.MessageTokens(messages...)+llm.ToolTokens(opts.Tools...), assumedOutput
	for _, limit := range []int{d.MaxTokens, opts.MaxTokens} {
		if limit > 0 {
			output = limit
		}
	}
	now := time.Now()
	cost, priced := d.price(m.prices, now)
	d.limiter.take(now, input)
	hold, err := m.reserve(ctx, cost, priced, input, output)
	if err != nil {
		return nil, err
	}
	resp, err := m.inner.GenerateContent(ctx, messages, llms.WithOptions(opts))
	spent := m.settle(resp, err, cost, priced, input)
	if hold != nil {
		if e := hold.Settle(context.WithoutCancel(ctx), spent); e != nil { // it stays set aside, which is on the safe side
			m.warn(ctx, e)
		}
	}
	return resp, err
}

// reserve sets aside what the call may cost. Where nobody set a limit, an
// account that cannot be kept is a warning.
func (m *meter) reserve(ctx context.Context, cost price.Price, priced bool, input, output int) (*spend.Hold, error) {
	if m.ledger == nil {
		return nil, nil //nolint:nilnil // no account is kept
	}
	var usd *float64
	if priced {
		v := cost.Cost(input, output, 0, 0)
		usd = &v
	}
	hold, err := m.ledger.Reserve(ctx, llm.Thread(ctx), m.deployment.Name, usd, input+output)
	switch {
	case err == nil:
		return hold, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, spend.ErrPrice):
		return nil, llm.NewError(llm.KindBudget, "give it a price in models.yaml (zeros for a model of your own), or a budget in tokens", "%v", err)
	case errors.Is(err, spend.ErrOver):
		return nil, llm.NewError(llm.KindBudget, "raise the budget in models.yaml, or begin a new thread tomorrow", "%v", err)
	case m.limits.Any():
		return nil, llm.NewError(llm.KindBudget, "mend that, or take the budget out of models.yaml", "the budget cannot be kept: %v", err)
	}
	m.warn(ctx, err)
	return nil, nil //nolint:nilnil // no account is kept
}

// settle says what a call came to, and writes it into the answer. A call that
// failed before a server could have begun to answer cost nothing; of another
// failure nobody knows, and what was set aside is taken as spent.
func (m *meter) settle(resp *llms.ContentResponse, err error, cost price.Price, priced bool, input int) *spend.Amount {
	if err != nil {
		var e *llm.Error
		if errors.As(err, &e) && e.Status != 0 || errors.As(err, &e) && e.Kind == llm.KindUnreachable {
			return &spend.Amount{}
		}
		return nil
	}
	if len(resp.Choices) == 0 {
		return nil
	}
	choice := resp.Choices[0]
	u := llm.Usage(choice)
	if !u.Known { // the server does not count: the estimate stands
		u.Input, u.Output = input, llm.Tokens(choice.Content)+llm.Tokens(choice.ReasoningContent)
		for _, c := range choice.ToolCalls {
			u.Output += llm.Tokens(c.FunctionCall.Arguments)
		}
	}
	spent := spend.Amount{Tokens: u.Input + u.Output}
	if priced {
		spent.USD = cost.Cost(u.Input, u.Output, u.CacheRead, u.CacheWritten)
		if u.Known && choice.GenerationInfo != nil {
			choice.GenerationInfo[llm.InfoCost] = spent.USD
		}
	}
	return &spent
}

// price is what the model costs: as configured, or as in the table if it is at
// its provider's own address.
func (d *deployment) price(table price.Table, at time.Time) (price.Price, bool) {
	if d.Price != nil {
		return *d.Price, true
	}
	service := ""
	u, err := url.Parse(d.BaseURL)
	switch {
	case err != nil:
	case u.Host == "":
		service = d.Provider
	case u.Host == "api.openai.com":
		service = string(llm.OpenAI)
	case u.Host == "api.anthropic.com":
		service = string(llm.Anthropic)
	case u.Host == "generativelanguage.googleapis.com":
		service = string(llm.Google)
	}
	return table.Find(service, d.Model, at)
}

// title names the model and its provider for a person.
func (d *deployment) title() string { return fmt.Sprintf("%s (%s)", d.Name, d.Provider) }
