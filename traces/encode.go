package traces

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The OTLP/JSON form of an ExportTraceServiceRequest: lowerCamelCase names,
// trace and span ids in hexadecimal (not the base64 of protobuf's JSON),
// enumerations as numbers, 64-bit integers as decimal texts.
type (
	exportRequest struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resourceJSON `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
		SchemaURL  string       `json:"schemaUrl,omitempty"`
	}
	resourceJSON struct {
		Attributes []keyValue `json:"attributes"`
	}
	scopeSpans struct {
		Scope     scopeJSON  `json:"scope"`
		Spans     []spanJSON `json:"spans"`
		SchemaURL string     `json:"schemaUrl,omitempty"`
	}
	scopeJSON struct {
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	spanJSON struct {
		TraceID                string      `json:"traceId"`
		SpanID                 string      `json:"spanId"`
		TraceState             string      `json:"traceState,omitempty"`
		ParentSpanID           string      `json:"parentSpanId,omitempty"`
		Flags                  uint32      `json:"flags"`
		Name                   string      `json:"name"`
		Kind                   int         `json:"kind"`
		StartTimeUnixNano      string      `json:"startTimeUnixNano"`
		EndTimeUnixNano        string      `json:"endTimeUnixNano"`
		Attributes             []keyValue  `json:"attributes,omitempty"`
		DroppedAttributesCount int         `json:"droppedAttributesCount,omitempty"`
		Events                 []eventJSON `json:"events,omitempty"`
		DroppedEventsCount     int         `json:"droppedEventsCount,omitempty"`
		Links                  []linkJSON  `json:"links,omitempty"`
		DroppedLinksCount      int         `json:"droppedLinksCount,omitempty"`
		Status                 statusJSON  `json:"status"`
	}
	eventJSON struct {
		TimeUnixNano           string     `json:"timeUnixNano"`
		Name                   string     `json:"name"`
		Attributes             []keyValue `json:"attributes,omitempty"`
		DroppedAttributesCount int        `json:"droppedAttributesCount,omitempty"`
	}
	linkJSON struct {
		TraceID                string     `json:"traceId"`
		SpanID                 string     `json:"spanId"`
		TraceState             string     `json:"traceState,omitempty"`
		Attributes             []keyValue `json:"attributes,omitempty"`
		DroppedAttributesCount int        `json:"droppedAttributesCount,omitempty"`
		Flags                  uint32     `json:"flags"`
	}
	statusJSON struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code,omitempty"`
	}
	keyValue struct {
		Key   string   `json:"key"`
		Value anyValue `json:"value"`
	}
	arrayValue struct {
		Values []anyValue `json:"values"`
	}
	mapValue struct {
		Values []keyValue `json:"values"`
	}
	// anyValue has at most one member set.
	anyValue struct {
		String *string     `json:"stringValue,omitempty"`
		Bool   *bool       `json:"boolValue,omitempty"`
		Int    *string     `json:"intValue,omitempty"`
		Double *double     `json:"doubleValue,omitempty"`
		Array  *arrayValue `json:"arrayValue,omitempty"`
		Map    *mapValue   `json:"kvlistValue,omitempty"`
		Bytes  *string     `json:"bytesValue,omitempty"`
	}
)

// double writes non-finite numbers as protobuf's JSON does.
type double float64

// MarshalJSON writes the shortest form that reads back to the same bits.
func (d double) MarshalJSON() ([]byte, error) {
	switch f := float64(d); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *double) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `"NaN"`:
		*d = double(math.NaN())
	case `"Infinity"`:
		*d = double(math.Inf(1))
	case `"-Infinity"`:
		*d = double(math.Inf(-1))
	default:
		return json.Unmarshal(b, (*float64)(d))
	}
	return nil
}

// Bits of a span's flags beyond the W3C trace flags.
const (
	flagRemoteKnown = 0x100
	flagRemote      = 0x200
)

// encode groups spans by resource and scope and writes them as one line.
func encode(spans []sdktrace.ReadOnlySpan, c *cleaner) ([]byte, error) {
	type scopeKey struct {
		resource attribute.Distinct
		scope    instrumentation.Scope
	}
	var request exportRequest
	resources := map[attribute.Distinct]int{}
	scopes := map[scopeKey]int{}
	for _, s := range spans {
		id := s.Resource().Equivalent()
		r, ok := resources[id]
		if !ok {
			r = len(request.ResourceSpans)
			resources[id] = r
			request.ResourceSpans = append(request.ResourceSpans, resourceSpans{
				Resource:  resourceJSON{Attributes: encodeAttributes(c.attributes(s.Resource().Attributes()))},
				SchemaURL: s.Resource().SchemaURL(),
			})
		}
		rs := &request.ResourceSpans[r]
		scope := s.InstrumentationScope()
		key := scopeKey{id, scope}
		at, ok := scopes[key]
		if !ok {
			at = len(rs.ScopeSpans)
			scopes[key] = at
			rs.ScopeSpans = append(rs.ScopeSpans, scopeSpans{
				Scope:     scopeJSON{Name: scope.Name, Version: scope.Version, Attributes: encodeAttributes(c.attributes(scope.Attributes.ToSlice()))},
				SchemaURL: scope.SchemaURL,
			})
		}
		rs.ScopeSpans[at].Spans = append(rs.ScopeSpans[at].Spans, encodeSpan(s, c))
	}
	line, err := json.Marshal(request)
	return append(line, '\n'), err
}

func encodeSpan(s sdktrace.ReadOnlySpan, c *cleaner) spanJSON {
	ctx, parent := s.SpanContext(), s.Parent()
	out := spanJSON{
		TraceID: ctx.TraceID().String(), SpanID: ctx.SpanID().String(), TraceState: ctx.TraceState().String(),
		Flags: flags(ctx.TraceFlags(), parent), Name: c.text(s.Name()), Kind: int(s.SpanKind()),
		StartTimeUnixNano: nanos(s.StartTime()), EndTimeUnixNano: nanos(s.EndTime()),
		Attributes:             encodeAttributes(withType(c.attributes(s.Attributes()))),
		DroppedAttributesCount: s.DroppedAttributes(), DroppedEventsCount: s.DroppedEvents(), DroppedLinksCount: s.DroppedLinks(),
		Status: encodeStatus(s.Status(), c),
	}
	if parent.SpanID().IsValid() {
		out.ParentSpanID = parent.SpanID().String()
	}
	for _, e := range s.Events() {
		out.Events = append(out.Events, eventJSON{nanos(e.Time), c.text(e.Name), encodeAttributes(c.attributes(e.Attributes)), e.DroppedAttributeCount})
	}
	for _, l := range s.Links() {
		to := l.SpanContext
		out.Links = append(out.Links, linkJSON{
			to.TraceID().String(), to.SpanID().String(), to.TraceState().String(),
			encodeAttributes(c.attributes(l.Attributes)), l.DroppedAttributeCount, flags(to.TraceFlags(), to),
		})
	}
	return out
}

// withType says the observation type of spans that only say their operation.
func withType(attrs []attribute.KeyValue) []attribute.KeyValue {
	var operation string
	for _, kv := range attrs {
		switch kv.Key {
		case KeyType:
			return attrs
		case KeyOperation:
			operation = kv.Value.AsString()
		}
	}
	if t := typeOf(operation); t != "" {
		return append(attrs, attribute.String(KeyType, string(t)))
	}
	return attrs
}

func flags(f trace.TraceFlags, parent trace.SpanContext) uint32 {
	out := uint32(f) | flagRemoteKnown
	if parent.IsRemote() {
		out |= flagRemote
	}
	return out
}

// encodeStatus maps to OTLP's numbers, in which Ok is 1 and Error is 2.
func encodeStatus(s sdktrace.Status, c *cleaner) statusJSON {
	switch s.Code {
	case codes.Ok:
		return statusJSON{Code: 1}
	case codes.Error:
		return statusJSON{Code: 2, Message: c.text(s.Description)}
	default:
		return statusJSON{}
	}
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func encodeAttributes(attrs []attribute.KeyValue) []keyValue {
	out := make([]keyValue, len(attrs))
	for i, kv := range attrs {
		out[i] = keyValue{Key: string(kv.Key), Value: encodeValue(kv.Value)}
	}
	return out
}

func encodeValue(v attribute.Value) anyValue {
	switch v.Type() {
	case attribute.BOOL:
		return anyValue{Bool: new(v.AsBool())}
	case attribute.INT64:
		return anyValue{Int: new(strconv.FormatInt(v.AsInt64(), 10))}
	case attribute.FLOAT64:
		return anyValue{Double: new(double(v.AsFloat64()))}
	case attribute.STRING:
		return anyValue{String: new(v.AsString())}
	case attribute.BYTESLICE:
		return anyValue{Bytes: new(base64.StdEncoding.EncodeToString(v.AsByteSlice()))}
	case attribute.BOOLSLICE:
		return array(v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		return array(v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		return array(v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.STRINGSLICE:
		return array(v.AsStringSlice(), attribute.StringValue)
	case attribute.SLICE:
		return array(v.AsSlice(), func(e attribute.Value) attribute.Value { return e })
	case attribute.MAP:
		return anyValue{Map: &mapValue{Values: encodeAttributes(v.AsMap())}}
	default:
		return anyValue{}
	}
}

func array[T any](list []T, value func(T) attribute.Value) anyValue {
	out := arrayValue{Values: make([]anyValue, len(list))}
	for i, e := range list {
		out.Values[i] = encodeValue(value(e))
	}
	return anyValue{Array: &out}
}
