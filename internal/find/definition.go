package find

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// Definition reads what is searched of a tool's definition, as tools/list has
// it. What is missing or of another type is empty.
func Definition(raw json.RawMessage) Tool {
	t := Tool{
		Name:        rawjson.Text(rawjson.Get(raw, "name")),
		Title:       rawjson.Text(rawjson.Get(raw, "title")),
		Description: rawjson.Text(rawjson.Get(raw, "description")),
	}
	properties := rawjson.Get(rawjson.Get(raw, "inputSchema"), "properties")
	rawjson.Each(properties, func(key []byte, start, end int) {
		if len(t.Params) < maxParams {
			t.Params = append(t.Params, Param{string(key), rawjson.Text(rawjson.Get(properties[start:end], "description"))})
		}
	})
	return t
}

// Definitions reads several of one server, in its order.
func Definitions(raw []json.RawMessage) []Tool {
	out := make([]Tool, len(raw))
	for i, each := range raw {
		out[i] = Definition(each)
	}
	return out
}
