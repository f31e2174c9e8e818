package find

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// Definition reads what is searched of a tool's definition, as tools/list has
// it. What is missing or of another type is empty.
func Definition(raw json.RawMessage) Tool {
	t := Tool{
		Name:        text(raw, "name"),
		Title:       text(raw, "title"),
		Description: text(raw, "description"),
	}
	properties := rawjson.Get(rawjson.Get(raw, "inputSchema"), "properties")
	rawjson.Each(properties, func(key []byte, start, end int) {
		if len(t.Params) < maxParams {
			t.Params = append(t.Params, Param{string(key), text(properties[start:end], "description")})
		}
	})
	return t
}

// maxText is how many bytes of one text are read: no tool needs more to be found.
const maxText = 16 << 10

func text(raw json.RawMessage, key string) string {
	return textcut.To(rawjson.Text(rawjson.Get(raw, key)), maxText)
}

// Definitions reads several of one server, in its order.
func Definitions(raw []json.RawMessage) []Tool {
	out := make([]Tool, len(raw))
	for i, each := range raw {
		out[i] = Definition(each)
	}
	return out
}
