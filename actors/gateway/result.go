package gateway

import (
	"encoding/json"
	"strconv"

	"gatehouse/internal/rawjson"
)

// The members of a result's _meta that say which generation decided and which
// call it was.
const (
	metaGeneration = "io.gatehouse/generation"
	metaCallID     = "io.gatehouse/call_id"
)

// modern is the first revision in which structuredContent may be any JSON, and
// in which a result must have a resultType.
const modern = "2026-07-28"

// beforeModern compares revisions, which are dates; an unknown one is old.
func beforeModern(protocol string) bool { return protocol < modern }

// result is a tool result, one JSON object, and where in it those members are
// that the gateway looks at. The last one of a name counts.
type result struct {
	raw json.RawMessage

	isError, content, structured, resultType, meta span

	empty bool // it has no members
}

// span is the range of a value; the zero value is that of none.
type span struct{ start, end int }

// look finds the members of a result, without looking into them.
func look(raw json.RawMessage) result {
	r := result{raw: raw, empty: true}
	rawjson.Each(raw, func(key []byte, start, end int) {
		r.empty = false
		switch string(key) {
		case "isError":
			r.isError = span{start, end}
		case "content":
			r.content = span{start, end}
		case "structuredContent":
			r.structured = span{start, end}
		case "resultType":
			r.resultType = span{start, end}
		case "_meta":
			r.meta = span{start, end}
		}
	})
	return r
}

func (r result) value(s span) json.RawMessage { return r.raw[s.start:s.end] }

// finish appends a result as its caller gets it: stamped, if that is asked for,
// with the gateway's own members of _meta, and with the resultType that
// 2026-07-28 requires. All else stays as it is.
func (c *call) finish(dst []byte, r result, stamped bool) []byte {
	end := len(r.raw)
	for end > 0 && r.raw[end-1] != '}' {
		end-- // White space of a server's.
	}
	body := r.raw[:max(0, end-1)]
	switch {
	case !stamped:
		dst = append(dst, body...)
	case r.meta == span{}:
		dst = append(dst, body...)
		if !r.empty {
			dst = append(dst, ',')
		}
		dst = append(c.appendStamp(append(dst, `"_meta":{`...)), '}')
	default:
		dst = append(dst, body[:r.meta.start]...)
		dst = c.appendMeta(dst, r.value(r.meta))
		dst = append(dst, body[r.meta.end:]...)
	}
	if r.resultType == (span{}) && !beforeModern(c.caller.Protocol) {
		dst = append(dst, `,"resultType":"complete"`...) // Something stands before it by now.
	}
	return append(dst, '}')
}

// appendStamp appends the gateway's own members of _meta.
func (c *call) appendStamp(dst []byte) []byte {
	dst = append(dst, `"`+metaGeneration+`":`...)
	dst = strconv.AppendUint(dst, c.record.Generation, 10)
	dst = append(dst, `,"`+metaCallID+`":"`...)
	return append(append(dst, c.id...), '"') // Hexadecimal, a dash and digits.
}

// appendMeta appends the server's _meta with the gateway's own members in it.
func (c *call) appendMeta(dst []byte, meta json.RawMessage) []byte {
	if rawjson.First(meta) != '{' {
		meta = json.RawMessage("{}")
	}
	meta = rawjson.Set(meta, metaGeneration, strconv.AppendUint(nil, c.record.Generation, 10))
	return append(dst, rawjson.Set(meta, metaCallID, mustJSON(c.id))...)
}

// textForStructured turns a structuredContent that is no object into a text
// block, unless there is one with that text already: callers of older
// revisions know objects only.
func textForStructured(r result) result {
	if r.structured == (span{}) || r.raw[r.structured.start] == '{' {
		return r
	}
	structured := r.value(r.structured)
	raw := rawjson.Delete(r.raw, "structuredContent")
	var blocks []json.RawMessage
	_ = json.Unmarshal(r.value(r.content), &blocks) // Missing or odd content counts as none.
	for _, b := range blocks {
		var text string
		_ = json.Unmarshal(rawjson.Get(b, "text"), &text)
		if text == string(structured) || sameJSON([]byte(text), structured) {
			return look(raw)
		}
	}
	blocks = append(blocks, mustJSON(block{"text", string(structured)}))
	return look(rawjson.Set(raw, "content", mustJSON(blocks)))
}

func sameJSON(a, b []byte) bool {
	if !json.Valid(a) {
		return false
	}
	return string(mustJSON(json.RawMessage(a))) == string(mustJSON(json.RawMessage(b)))
}
