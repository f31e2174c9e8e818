// Package tracecontext reads and writes the context of a trace: traceparent,
// tracestate and baggage, as W3C Trace Context and W3C Baggage define them, in
// HTTP headers and in the _meta of a request.
package tracecontext

import (
	"encoding/hex"
	"encoding/json"
	"strings"

	"gatehouse/internal/rawjson"
)

// The members of _meta, and in another letter case the HTTP headers.
const (
	KeyParent  = "traceparent"
	KeyState   = "tracestate"
	KeyBaggage = "baggage"
)

// The HTTP headers, in their canonical form.
const (
	HeaderParent  = "Traceparent"
	HeaderState   = "Tracestate"
	HeaderBaggage = "Baggage"
)

// MaxBytes is the longest value that travels. A longer one is left out.
const MaxBytes = 8 << 10

// Context is the context of a trace. Each value can be written into an HTTP header
// as it is; "" is none. There is no State without a Parent. A nil *Context is one
// without values.
type Context struct {
	Parent  string // it is well-formed
	State   string
	Baggage string
}

// OfHeaders reads the headers of a request, whose names are canonical. A malformed
// traceparent counts as absent. It returns nil if there is nothing to hand on.
func OfHeaders(h map[string][]string) *Context {
	if len(h[HeaderParent]) == 0 && len(h[HeaderBaggage]) == 0 {
		return nil
	}
	var c Context
	if parent := h[HeaderParent]; len(parent) == 1 && validParent(parent[0]) {
		c.Parent, c.State = parent[0], joined(h[HeaderState])
	}
	c.Baggage = joined(h[HeaderBaggage])
	return c.orNil()
}

func (c Context) orNil() *Context {
	if c == (Context{}) {
		return nil
	}
	return &c
}

// joined is the value of a header that may come in pieces; "" if it cannot travel.
func joined(values []string) string {
	size := len(values) - 1
	for _, v := range values {
		size += len(v)
	}
	if size > MaxBytes {
		return ""
	}
	if all := strings.Join(values, ","); isHeaderValue(all) {
		return all
	}
	return ""
}

// isHeaderValue reports whether a text can be the value of an HTTP header without
// meaning anything else there.
func isHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

// Where the parts of a traceparent are: 00-<trace id>-<span id>-<flags>.
const (
	traceAt, traceEnd = 3, 35
	spanAt, spanEnd   = 36, 52
	flagsAt, flagsEnd = 53, 55
)

// validParent reports whether a text is a traceparent, of version 00 or of a later
// one, which may have more at its end.
func validParent(s string) bool {
	if len(s) < flagsEnd || len(s) > MaxBytes || s[2] != '-' || s[traceEnd] != '-' || s[spanEnd] != '-' || !isHeaderValue(s) {
		return false
	}
	version := s[:2]
	switch {
	case !isHex(version), version == "ff":
		return false
	case len(s) > flagsEnd && (version == "00" || s[flagsEnd] != '-'):
		return false
	}
	trace, span := s[traceAt:traceEnd], s[spanAt:spanEnd]
	return isHex(trace) && isHex(span) && isHex(s[flagsAt:flagsEnd]) && strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}

// isHex reports whether a text has lower-case hexadecimal digits only.
func isHex(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

// Incoming collects what the _meta of a request says. Its zero value has seen
// nothing.
type Incoming struct{ parent, state, baggage member }

// member is a member of _meta.
type member struct {
	there bool
	text  string // "" if it is not a text that a header can have
}

// Member takes a member of _meta, and reports whether it may travel: all may but
// those of a trace that are longer than MaxBytes.
func (in *Incoming) Member(key []byte, value json.RawMessage) bool {
	var m *member
	switch string(key) {
	case KeyParent:
		m = &in.parent
	case KeyState:
		m = &in.state
	case KeyBaggage:
		m = &in.baggage
	default:
		return true
	}
	if len(value) > MaxBytes+len(`""`) {
		return false
	}
	m.there, m.text = true, ""
	if text := rawjson.Text(value); isHeaderValue(text) {
		m.text = text
	}
	return true
}

// Of returns the context of a request with that _meta, which may be nil, and what
// its HTTP headers say. The _meta wins. It returns nil if there is none.
func Of(meta json.RawMessage, headers *Context) *Context {
	var in Incoming
	rawjson.Each(meta, func(key []byte, start, end int) { in.Member(key, meta[start:end]) })
	c, _ := in.Context(headers)
	return c
}

// Context joins what was collected with what the HTTP headers say. missing has
// what _meta lacks of the result. Both may be nil.
func (in *Incoming) Context(headers *Context) (c, missing *Context) {
	if *in == (Incoming{}) {
		return headers, headers
	}
	var all, add Context
	if headers != nil {
		add = *headers
	}
	if in.parent.there || in.state.there { // They are a pair.
		add.State = ""
	}
	if in.parent.there {
		add.Parent = ""
	}
	if in.baggage.there {
		add.Baggage = ""
	}
	all = add
	if in.parent.there && validParent(in.parent.text) {
		all.Parent = in.parent.text
	}
	if in.state.there && all.Parent != "" {
		all.State = in.state.text
	}
	if in.baggage.there {
		all.Baggage = in.baggage.text
	}
	return all.orNil(), add.orNil()
}

// AddTo sets the members of an object, a _meta, that the context has; nil is an
// empty one.
func (c *Context) AddTo(meta json.RawMessage) json.RawMessage {
	if c == nil {
		return meta
	}
	for _, m := range [...]struct{ key, value string }{{KeyParent, c.Parent}, {KeyState, c.State}, {KeyBaggage, c.Baggage}} {
		if m.value == "" {
			continue
		}
		if meta == nil { // As it is for most.
			meta = append(make(json.RawMessage, 0, len(m.key)+len(m.value)+len(`{"":""}`)), `{"`+m.key+`":`...)
			meta = append(rawjson.AppendString(meta, m.value), '}')
			continue
		}
		meta = rawjson.Set(meta, m.key, rawjson.AppendString(nil, m.value))
	}
	return meta
}

// Headers visits the HTTP headers of the context.
func (c *Context) Headers(set func(name, value string)) {
	if c == nil {
		return
	}
	for _, h := range [...]struct{ name, value string }{{HeaderParent, c.Parent}, {HeaderState, c.State}, {HeaderBaggage, c.Baggage}} {
		if h.value != "" {
			set(h.name, h.value)
		}
	}
}

// Parts are the ids of a well-formed traceparent and its flags, in hexadecimal
// digits.
func Parts(parent string) (trace, span, flags string) {
	return parent[traceAt:traceEnd], parent[spanAt:spanEnd], parent[flagsAt:flagsEnd]
}

// Parent makes a traceparent.
func Parent(trace [16]byte, span [8]byte, flags byte) string {
	b := make([]byte, 0, flagsEnd)
	b = append(hex.AppendEncode(append(b, "00-"...), trace[:]), '-')
	b = append(hex.AppendEncode(b, span[:]), '-')
	return string(hex.AppendEncode(b, []byte{flags}))
}
