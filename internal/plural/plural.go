// Package plural counts things as people do: "1 file", "2 files".
package plural

import "fmt"

// Of returns a number with what it counts, in the singular or the plural: one
// with an s, unless the plural is given.
func Of[N ~int | ~int64 | ~uint64](n N, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
