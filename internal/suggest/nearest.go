package suggest

import (
	"strings"
)

// Nearest finds the word of known that word was probably meant to be: equal
// but for case, "-" and "_", or at a small edit distance. It reports false
// when nothing is near.
func Nearest(word string, known []string) (string, bool) {
	if len(word) > 64 {
		return "", false
	}
	plain := fold(word)
	best, bestDistance := "", 1+max(1, min(3, len(plain)/3))
	for _, k := range known {
		if d := editDistance(plain, fold(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best, best != ""
}

// fold removes what people vary in a key: case, dashes and underscores.
func fold(s string) string { return separators.Replace(strings.ToLower(s)) }

var separators = strings.NewReplacer("_", "", "-", "")

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b, in bytes.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
