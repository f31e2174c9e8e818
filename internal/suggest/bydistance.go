package suggest

import (
	"cmp"
	"slices"
)

// maxRanked is how many names are compared in full; whoever asks about a word
// pays for each.
const maxRanked = 1000

// maxCompared is how many bytes of a word are compared.
const maxCompared = 80

// ByDistance returns the names sorted by how far each is from word, the nearest
// first and equally near ones by name. Of more than 1,000 names only those of
// about the word's length are compared; the others are left out. The result is
// a new slice.
func ByDistance(word string, names []string) []string {
	word = fold(cut(word))
	if len(names) > maxRanked {
		names = slices.SortedStableFunc(slices.Values(names), func(a, b string) int {
			return cmp.Compare(difference(a, word), difference(b, word))
		})[:maxRanked]
	}
	type ranked struct {
		name     string
		distance int
	}
	list := make([]ranked, len(names))
	for i, name := range names {
		list[i] = ranked{name, editDistance(word, fold(cut(name)))}
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

func difference(a, b string) int { return max(len(a)-len(b), len(b)-len(a)) }

// cut bounds the work that one word makes.
func cut(word string) string { return word[:min(len(word), maxCompared)] }
