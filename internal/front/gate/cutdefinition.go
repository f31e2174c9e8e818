package gate

import (
	"encoding/json"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// What is left of a definition that is too large for an answer, in bytes.
const (
	maxCutDescription = 2000 // its description
	maxCutSchema      = 8000 // its schema
	maxCutProperty    = 200  // a property whose schema stays as it is
)

// metaCut marks a definition that was cut.
const metaCut = "io.gatehouse/cut"

// cutDefinition is a definition too large for an answer: name, description, and
// of its schema the properties, without what is inside them. It returns what
// that costs. never says that no answer can hold the whole one.
func cutDefinition(t endpoint.Tool, whole int64, never bool) (json.RawMessage, int64) {
	description := textcut.Marked(rawjson.Text(rawjson.Get(t.Raw, "description")), maxCutDescription)
	mark := fmt.Sprintf("This definition was cut. Whole it costs %d tokens: ask for it alone with names and max_schema_tokens.", whole)
	if never {
		mark = fmt.Sprintf("This definition was cut. Whole it costs %d tokens, more than an answer can hold.", whole)
	}
	out := rawjson.AppendString([]byte(`{"name":`), t.Name)
	out = rawjson.AppendString(append(out, `,"description":`...), description)
	out = append(append(out, `,"inputSchema":`...), cutSchema(rawjson.Get(t.Raw, "inputSchema"))...)
	out = rawjson.AppendString(append(out, `,"_meta":{"`+metaCut+`":`...), mark)
	out = append(out, `}}`...)
	return out, tokens(out)
}

// cutSchema is the top level of an object's schema: the properties with their
// types and what each is for, and which are required, as far as there is room.
func cutSchema(schema json.RawMessage) json.RawMessage {
	out := json.RawMessage(`{"type":"object","properties":{`)
	first := true
	properties := rawjson.Get(schema, "properties")
	rawjson.Each(properties, func(key []byte, start, end int) {
		property := cutProperty(properties[start:end])
		if len(out)+len(key)+len(property) > maxCutSchema {
			return
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(rawjson.AppendString(out, string(key)), ':'), property...)
	})
	out = append(out, '}')
	if required := rawjson.Get(schema, "required"); required != nil && len(required) <= maxCutProperty*10 {
		out = append(append(out, `,"required":`...), required...)
	}
	return append(out, '}')
}

// cutProperty is a property's type and what it is for.
func cutProperty(property json.RawMessage) json.RawMessage {
	if len(property) <= maxCutProperty {
		return property
	}
	out := json.RawMessage("{")
	if kind := rawjson.Get(property, "type"); kind != nil && len(kind) <= maxCutProperty {
		out = append(append(out, `"type":`...), kind...)
	}
	if about := firstSentence(rawjson.Text(rawjson.Get(property, "description"))); about != "" {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = rawjson.AppendString(append(out, `"description":`...), about)
	}
	return append(out, '}')
}
