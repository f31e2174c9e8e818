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

// modern is the first revision in which structuredContent may be any JSON.
const modern = "2026-07-28"

// beforeModern compares revisions, which are dates; an unknown one is old.
func beforeModern(protocol string) bool { return protocol < modern }

// stamp adds the gateway's own members to the result's _meta and changes
// nothing else.
func (c *call) stamp(result json.RawMessage) json.RawMessage {
	meta := rawjson.Get(result, "_meta")
	if rawjson.First(meta) != '{' {
		meta = json.RawMessage("{}")
	}
	meta = rawjson.Set(meta, metaGeneration, strconv.AppendUint(nil, c.record.Generation, 10))
	meta = rawjson.Set(meta, metaCallID, mustJSON(c.id))
	return rawjson.Set(result, "_meta", meta)
}

// textForStructured turns a structuredContent that is no object into a text
// block, unless there is one with that text already: callers of older
// revisions know objects only.
func textForStructured(result json.RawMessage) json.RawMessage {
	structured := rawjson.Get(result, "structuredContent")
	if structured == nil || rawjson.First(structured) == '{' {
		return result
	}
	result = rawjson.Delete(result, "structuredContent")
	var blocks []json.RawMessage
	_ = json.Unmarshal(rawjson.Get(result, "content"), &blocks) // Missing or odd content counts as none.
	for _, b := range blocks {
		var text string
		_ = json.Unmarshal(rawjson.Get(b, "text"), &text)
		if text == string(structured) || sameJSON([]byte(text), structured) {
			return result
		}
	}
	blocks = append(blocks, mustJSON(block{"text", string(structured)}))
	return rawjson.Set(result, "content", mustJSON(blocks))
}

func sameJSON(a, b []byte) bool {
	if !json.Valid(a) {
		return false
	}
	return string(mustJSON(json.RawMessage(a))) == string(mustJSON(json.RawMessage(b)))
}
