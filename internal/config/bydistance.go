package config

import (
	"cmp"
	"slices"
)

// ByDistance gives the names sorted by how far each is from word, the nearest
// first and equally near ones by name. The result is a new slice.
func ByDistance(word string, names []string) []string {
	type ranked struct {
		name     string
		distance int
	}
	list := make([]ranked, len(names))
	for i, name := range names {
		list[i] = ranked{name, editDistance(fold(shorten(word)), fold(shorten(name)))}
	}
	slices.SortFunc(list, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	sorted := make([]string, len(list))
	for i, r := range list {
		sorted[i] = r.name
	}
	return sorted
}
