package tools

import "context"

// Source is who makes a call.
type Source string

// The sources. A call whose source is not known is treated as the least
// trusted one.
const (
	SourceCLI     Source = "cli"     // a person typed this very call
	SourcePlanner Source = "planner" // the assistant, led by the built-in planner
	SourceModel   Source = "model"   // the assistant, led by a language model
	SourceMCP     Source = "mcp"     // another program's assistant
)

// Origin says where a call comes from. Thread is the conversation that it
// belongs to, if there is one.
type Origin struct {
	Source Source
	Thread string
}

type originKey struct{}

// WithOrigin says where the calls made with ctx come from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginFrom returns what WithOrigin put into ctx.
func OriginFrom(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// For returns the registry as one kind of caller uses it: origin says where
// its calls and previews come from, unless their context says so already.
func (r *Registry) For(origin func(context.Context, Call) Origin) *Registry {
	c := *r
	c.origin = origin
	return &c
}

// enter puts a call's origin into its context.
func (r *Registry) enter(ctx context.Context, c Call) context.Context {
	if r.origin == nil || OriginFrom(ctx).Source != "" {
		return ctx
	}
	return WithOrigin(ctx, r.origin(ctx, c))
}
