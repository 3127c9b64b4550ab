package router

import (
	"context"
	"errors"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/minivess/minivess/agent/llm"
)

// question is one call of the router, and what of its answer was shown.
type question struct {
	messages []llms.MessageContent
	opts     llms.CallOptions
	tokens   int // estimated
	shown    bool
}

func newQuestion(messages []llms.MessageContent, options []llms.CallOption) *question {
	q := &question{messages: messages, opts: llm.Options(options)}
	q.tokens = llm.MessageTokens(messages...) + llm.ToolTokens(q.opts.Tools...)
	return q
}

// options are the caller's, with streaming functions that remember that they
// were used.
func (q *question) options() []llms.CallOption {
	opts := q.opts
	if stream := opts.StreamingFunc; stream != nil {
		opts.StreamingFunc = func(ctx context.Context, chunk []byte) error {
			q.shown = q.shown || len(chunk) > 0
			return stream(ctx, chunk)
		}
	}
	if stream := opts.StreamingReasoningFunc; stream != nil {
		opts.StreamingReasoningFunc = func(ctx context.Context, reasoning, chunk []byte) error {
			q.shown = q.shown || len(chunk)+len(reasoning) > 0
			return stream(ctx, reasoning, chunk)
		}
	}
	return []llms.CallOption{llms.WithOptions(opts)}
}

// replay gives a streaming function an answer that is there already.
func (q *question) replay(ctx context.Context, resp *llms.ContentResponse) error {
	if q.opts.StreamingFunc == nil || resp.Choices[0].Content == "" {
		return nil
	}
	return q.opts.StreamingFunc(ctx, []byte(resp.Choices[0].Content))
}

// ask gets an answer from a group, over as many attempts as it has.
func (r *Router) ask(ctx context.Context, g *group, q *question) (*llms.ContentResponse, *deployment, error) {
	skip := map[*deployment]bool{}
	patience := time.Duration(*g.Patience)
	var last *llm.Error
	for attempt := 0; attempt < g.Attempts; {
		d, wait := g.pick(q, skip, &last)
		if d == nil {
			return nil, nil, last
		}
		if wait > patience {
			if last == nil {
				last = d.tired(wait)
			}
			return nil, nil, last
		}
		if wait > 0 {
			patience -= wait
			if err := sleep(ctx, wait); err != nil {
				return nil, nil, err
			}
			continue // somebody else may have used the moment
		}
		attempt++
		resp, err := d.model.GenerateContent(ctx, q.messages, q.options()...)
		if err == nil {
			d.succeeded()
			return resp, d, nil
		}
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if !errors.As(err, &last) {
			return nil, nil, err // not the model's fault: whoever listens has gone
		}
		if err := q.again(ctx, last); err != nil {
			return nil, nil, err
		}
		if r.judge(g, d, skip, last) {
			return nil, nil, last
		}
	}
	return nil, nil, last
}

// judge lets a model that failed rest, or leaves it out of this answer, and
// tells whether the others of its group would fail alike.
func (r *Router) judge(g *group, d *deployment, skip map[*deployment]bool, e *llm.Error) bool {
	switch e.Kind {
	case llm.KindBudget:
		skip[d] = true // another may be free
	case llm.KindContext, llm.KindFiltered, llm.KindRefused, llm.KindTooLarge:
		skip[d] = true // it is well, and would say the same again
		return e.Kind == llm.KindTooLarge
	case llm.KindConfig, llm.KindUnauthorized, llm.KindNoModel, llm.KindQuota:
		skip[d] = true
		d.failed(time.Now(), g, e)
	default:
		d.failed(time.Now(), g, e)
	}
	return false
}

// pick is the first model that may be asked now, or else the one that may be
// soonest, with how long that is. Nil means that there is none, and why.
func (g *group) pick(q *question, skip map[*deployment]bool, why **llm.Error) (*deployment, time.Duration) {
	var best *deployment
	var soonest time.Duration
	now := time.Now()
	for _, d := range g.models {
		if d.broken != nil || skip[d] {
			continue
		}
		if wait := d.ready(now, q.tokens); best == nil || wait < soonest {
			best, soonest = d, wait
		}
	}
	if best == nil && *why == nil { // then all are broken
		*why = g.models[0].broken
	}
	return best, soonest
}

// again sees to it that nothing of a failed answer stays shown.
func (q *question) again(ctx context.Context, e *llm.Error) error {
	if !q.shown {
		return nil
	}
	if llm.Restart(ctx, e.Message) {
		q.shown = false
		return nil
	}
	return llm.NewError(llm.KindInterrupted, "ask again", "the answer broke off after a part of it was shown: %s", e.Message)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
