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
	before := meta
	if ui := rawjson.Get(meta, "ui"); rawjson.First(ui) == '{' && rawjson.First(rawjson.Get(ui, "resourceUri")) == '"' {
		meta = rawjson.Set(meta, "ui", withPrefix(ui, "resourceUri", prefix))
	}
	if meta = withPrefix(meta, "ui/resourceUri", prefix); string(meta) == string(before) {
		return definition
	}
	return rawjson.Set(definition, "_meta", meta)
}
