package relay

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// The members of a result's _meta that say which generation decided, which call
// it was, and whose words it is.
const (
	metaGeneration = endpoint.OwnMeta + "generation"
	metaCallID     = endpoint.OwnMeta + "call_id"
	metaOrigin     = endpoint.MetaOrigin
)

// The values of metaOrigin.
const (
	fromServer  = "server"
	fromGateway = "gateway"
)

// stateless is the first revision in which structuredContent may be any JSON, and
// in which a result must have a resultType.
const stateless = endpoint.StatelessRevision

// beforeStateless compares revisions, which are dates; an unknown one is old.
func beforeStateless(protocol string) bool { return protocol < stateless }

// Result is a tool result, one JSON object, and where its members are.
type Result struct {
	Raw json.RawMessage
	// Into is the call's Dst with Raw at its end, if it is there already.
	Into []byte
	// Own says that it is the gateway's, not a server's.
	Own bool
	endpoint.Outline
}

// Look makes the outline of a result.
func Look(raw json.RawMessage) Result {
	return Result{Raw: raw, Outline: endpoint.OutlineOf(raw)}
}

// Own is Look for a result of the gateway's own.
func Own(raw json.RawMessage) Result {
	r := Look(raw)
	r.Own = true
	return r
}

// stampRoom is about what the gateway adds to a result.
const stampRoom = 256

// Finish appends a result to the call's Dst as its caller gets it: stamped, if
// that is asked for, with the gateway's own members of _meta, and with the
// resultType that 2026-07-28 requires. All else stays as it is.
func (c *Call) Finish(r Result, stamped bool) []byte {
	dst := r.Into
	if dst == nil {
		dst = append(slices.Grow(c.Dst, len(r.Raw)+stampRoom), r.Raw...)
	}
	if stamped && r.Meta != (endpoint.Span{}) {
		at := len(dst) - len(r.Raw)
		dst = c.stampMeta(dst, at+r.Meta.Start, at+r.Meta.End, r.origin())
	}
	dst = dst[:bytes.LastIndexByte(dst, '}')]
	if stamped && r.Meta == (endpoint.Span{}) {
		if !r.Empty {
			dst = append(dst, ',')
		}
		dst = append(c.appendStamp(append(dst, `"_meta":{`...), r.origin()), '}')
	}
	if r.ResultType == (endpoint.Span{}) && !beforeStateless(c.Caller.Protocol) {
		dst = append(dst, `,"resultType":"complete"`...) // The object has a member by now, so a comma is right.
	}
	return append(dst, '}')
}

// origin is whose words the result is.
func (r Result) origin() string {
	if r.Own {
		return fromGateway
	}
	return fromServer
}

// appendStamp appends the gateway's own members of _meta.
func (c *Call) appendStamp(dst []byte, origin string) []byte {
	dst = append(dst, `"`+metaGeneration+`":`...)
	dst = strconv.AppendUint(dst, c.Record.Generation, 10)
	dst = append(dst, `,"`+metaCallID+`":"`...)
	dst = append(append(dst, c.ID()...), `","`+metaOrigin+`":"`...) // Hexadecimal, a dash and digits.
	return append(append(dst, origin...), '"')
}

// stampMeta adds the gateway's own members to the _meta at dst[start:end], which
// has none of these names: a server's were dropped.
func (c *Call) stampMeta(dst []byte, start, end int, origin string) []byte {
	var room [stampRoom]byte
	meta := dst[start:end]
	if rawjson.First(meta) != '{' {
		return slices.Replace(dst, start, end, append(c.appendStamp(append(room[:0], '{'), origin), '}')...)
	}
	stamp, last := room[:0], bytes.LastIndexByte(meta, '}')
	if rawjson.Space(meta, bytes.IndexByte(meta, '{')+1) < last {
		stamp = append(stamp, ',')
	}
	return slices.Insert(dst, start+last, c.appendStamp(stamp, origin)...)
}

// textForStructured turns a structuredContent that is not an object into a text
// block, unless there is one with that text already: callers of older
// revisions know objects only.
func textForStructured(r Result) Result {
	if r.Structured == (endpoint.Span{}) || r.Raw[r.Structured.Start] == '{' {
		return r
	}
	structured := r.Structured.Of(r.Raw)
	raw := rawjson.Delete(r.Raw, "structuredContent")
	content := r.Content.Of(r.Raw)
	same := sameAs(structured)
	there, some := false, false
	end := rawjson.Array(content, 0, 0, func(i int) int {
		end := rawjson.Skip(content, i, 1)
		if some = true; end > 0 && !there {
			there = same(rawjson.Text(rawjson.Get(content[i:end], "text")))
		}
		return end
	})
	switch {
	case there:
		return Look(raw)
	case end != len(content) || !some: // Missing, empty or odd content counts as none.
		content = append(json.RawMessage{'['}, MustJSON(Block{"text", string(structured)})...)
	default:
		content = append(append(bytes.Clone(content[:end-1]), ','), MustJSON(Block{"text", string(structured)})...)
	}
	return Look(rawjson.Set(raw, "content", append(content, ']')))
}

// sameAs returns a function that reports whether a text is that JSON, white space
// between tokens aside.
func sameAs(value json.RawMessage) func(text string) bool {
	compact := sync.OnceValue(func() string { return string(MustJSON(value)) })
	return func(text string) bool {
		text = strings.Trim(text, " \t\r\n")
		return text == string(value) ||
			text != "" && text[0] == value[0] && len(text) >= len(compact()) &&
				json.Valid([]byte(text)) && string(MustJSON(json.RawMessage(text))) == compact()
	}
}

// Block is a text block of a result.
type Block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// MustJSON is rawjson.Marshal for values that can only fail to encode by a bug.
func MustJSON(v any) json.RawMessage {
	raw, err := rawjson.Marshal(v)
	if err != nil {
		panic("internal: " + err.Error())
	}
	return raw
}
