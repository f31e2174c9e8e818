package kinds

import (
	"strings"

	"gatehouse/internal/rawjson"
)

// pageScheme begins the URIs of resources that are pages of tools.
const pageScheme = "ui://"

// IsPage reports whether a resource is a page of a tool.
func IsPage(uri string) bool { return strings.HasPrefix(uri, pageScheme) }

// PagesNamed are the pages that a tool's definition names, in the way of today and in the
// one of before.
func PagesNamed(definition []byte) (uris []string) {
	meta := rawjson.Get(definition, "_meta")
	for _, value := range [][]byte{rawjson.Get(rawjson.Get(meta, "ui"), "resourceUri"), rawjson.Get(meta, "ui/resourceUri")} {
		if uri := rawjson.Text(value); IsPage(uri) {
			uris = append(uris, uri)
		}
	}
	return uris
}
