package gate

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

// result is a tool result, one JSON object, and where its members are.
type result struct {
	raw json.RawMessage
	// into is the call's dst with raw at its end, if it is there already.
	into []byte
	// own says that it is the gateway's, not a server's.
	own bool
	endpoint.Outline
}

// look makes the outline of a result.
func look(raw json.RawMessage) result {
	return result{raw: raw, Outline: endpoint.OutlineOf(raw)}
}

// stampRoom is about what the gateway adds to a result.
const stampRoom = 256

// finish appends a result to the call's dst as its caller gets it: stamped, if
// that is asked for, with the gateway's own members of _meta, and with the
// resultType that 2026-07-28 requires. All else stays as it is.
func (c *call) finish(r result, stamped bool) []byte {
	if stamped && r.Meta != (endpoint.Span{}) {
		meta := c.stampedMeta(r.Meta.Of(r.raw), r.origin())
		r.raw, r.into = slices.Concat(r.raw[:r.Meta.Start], meta, r.raw[r.Meta.End:]), nil
	}
	dst := r.into
	if dst == nil {
		dst = append(slices.Grow(c.dst, len(r.raw)+stampRoom), r.raw...)
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
func (r result) origin() string {
	if r.own {
		return fromGateway
	}
	return fromServer
}

// appendStamp appends the gateway's own members of _meta.
func (c *call) appendStamp(dst []byte, origin string) []byte {
	dst = append(dst, `"`+metaGeneration+`":`...)
	dst = strconv.AppendUint(dst, c.Record.Generation, 10)
	dst = append(dst, `,"`+metaCallID+`":"`...)
	dst = append(append(dst, c.ID()...), `","`+metaOrigin+`":"`...) // Hexadecimal, a dash and digits.
	return append(append(dst, origin...), '"')
}

// stampedMeta is the server's _meta with the gateway's own members in it.
func (c *call) stampedMeta(meta json.RawMessage, origin string) json.RawMessage {
	if rawjson.First(meta) != '{' {
		meta = json.RawMessage("{}")
	}
	meta = rawjson.Set(meta, metaGeneration, strconv.AppendUint(nil, c.Record.Generation, 10))
	meta = rawjson.Set(meta, metaCallID, mustJSON(c.ID()))
	return rawjson.Set(meta, metaOrigin, []byte(`"`+origin+`"`))
}

// textForStructured turns a structuredContent that is not an object into a text
// block, unless there is one with that text already: callers of older
// revisions know objects only.
func textForStructured(r result) result {
	if r.Structured == (endpoint.Span{}) || r.raw[r.Structured.Start] == '{' {
		return r
	}
	structured := r.Structured.Of(r.raw)
	raw := rawjson.Delete(r.raw, "structuredContent")
	content := r.Content.Of(r.raw)
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
		return look(raw)
	case end != len(content) || !some: // Missing, empty or odd content counts as none.
		content = append(json.RawMessage{'['}, mustJSON(block{"text", string(structured)})...)
	default:
		content = append(append(bytes.Clone(content[:end-1]), ','), mustJSON(block{"text", string(structured)})...)
	}
	return look(rawjson.Set(raw, "content", append(content, ']')))
}

// sameAs returns a function that reports whether a text is that JSON, white space
// between tokens aside.
func sameAs(value json.RawMessage) func(text string) bool {
	compact := sync.OnceValue(func() string { return string(mustJSON(value)) })
	return func(text string) bool {
		text = strings.Trim(text, " \t\r\n")
		return text == string(value) ||
			text != "" && text[0] == value[0] && len(text) >= len(compact()) &&
				json.Valid([]byte(text)) && string(mustJSON(json.RawMessage(text))) == compact()
	}
}

// block is a text block of a result.
type block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// own makes the result of an answer that is the gateway's: the value as text
// and as structured content.
func own(value any) result {
	body := mustJSON(value)
	r := look(mustJSON(struct {
		Content    []block         `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
	}{[]block{{"text", string(body)}}, body}))
	r.own = true
	return r
}

// mustJSON is rawjson.Marshal for values that can only fail to encode by a bug.
func mustJSON(v any) json.RawMessage {
	raw, err := rawjson.Marshal(v)
	if err != nil {
		panic("internal: " + err.Error())
	}
	return raw
}
