package surface

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// withPage is a tool's definition with the prefix before the URI of the page that
// it names for its results, in _meta.ui.resourceUri. All else stays as it is.
func withPage(definition json.RawMessage, prefix string) json.RawMessage {
	meta := rawjson.Get(definition, "_meta")
	if rawjson.First(meta) != '{' {
		return definition
	}
	ui := rawjson.Get(meta, "ui")
	if rawjson.First(ui) != '{' || rawjson.First(rawjson.Get(ui, "resourceUri")) != '"' {
		return definition
	}
	return rawjson.Set(definition, "_meta", rawjson.Set(meta, "ui", withPrefix(ui, "resourceUri", prefix)))
}
