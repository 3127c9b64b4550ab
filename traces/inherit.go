package traces

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// inheritance puts what belongs to a whole trace onto every span of it, because
// Langfuse reads session, user, tags, name and environment span by span. A span
// keeps what it was started with; what it lacks comes from its parent in this
// process, else from the baggage that crossed into it, else from the options.
type inheritance struct {
	defaults []attribute.KeyValue
}

func newInheritance(o Options) *inheritance {
	var defaults []attribute.KeyValue
	for _, pair := range [][2]string{{KeySession, o.Session}, {KeyUser, o.User}, {KeyEnvironment, Environment(o.Environment)}} {
		if pair[1] != "" {
			defaults = append(defaults, attribute.String(pair[0], pair[1]))
		}
	}
	if len(o.Tags) > 0 {
		defaults = append(defaults, attribute.StringSlice(KeyTags, o.Tags))
	}
	return &inheritance{defaults: defaults}
}

// inherited tells whether a key belongs to the whole trace.
func inherited(key attribute.Key) bool {
	switch key {
	case KeySession, KeyUser, KeyTags, KeyTraceName, KeyEnvironment, KeyRelease, KeyVersion:
		return true
	default:
		return false
	}
}

// OnStart completes a span's attributes.
func (i *inheritance) OnStart(parent context.Context, span sdktrace.ReadWriteSpan) {
	has := map[attribute.Key]bool{}
	for _, kv := range span.Attributes() {
		has[kv.Key] = true
	}
	for _, source := range [][]attribute.KeyValue{fromParent(parent), fromBaggage(parent), i.defaults} {
		for _, kv := range source {
			if inherited(kv.Key) && !has[kv.Key] {
				has[kv.Key] = true
				span.SetAttributes(kv)
			}
		}
	}
}

// OnEnd does nothing.
func (*inheritance) OnEnd(sdktrace.ReadOnlySpan) {}

// Shutdown does nothing.
func (*inheritance) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (*inheritance) ForceFlush(context.Context) error { return nil }

func fromParent(ctx context.Context) []attribute.KeyValue {
	parent, ok := trace.SpanFromContext(ctx).(sdktrace.ReadOnlySpan)
	if !ok {
		return nil
	}
	return parent.Attributes()
}

func fromBaggage(ctx context.Context) []attribute.KeyValue {
	var out []attribute.KeyValue
	for _, m := range baggage.FromContext(ctx).Members() {
		if m.Key() != KeyTags {
			out = append(out, attribute.String(m.Key(), m.Value()))
			continue
		}
		var tags []string
		if json.Unmarshal([]byte(m.Value()), &tags) == nil {
			out = append(out, attribute.StringSlice(KeyTags, tags))
		}
	}
	slices.SortFunc(out, func(a, b attribute.KeyValue) int { return cmp.Compare(a.Key, b.Key) })
	return out
}
