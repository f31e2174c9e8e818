// Package textcut shortens texts of unknown length: names that agents send,
// lines that servers write. It never cuts inside a code point and never returns
// more than the limit. It is pure.
//
// Text that is not UTF-8 is cut within three bytes of the limit, and stays as
// broken as it was.
package textcut

import (
	"strings"
	"unicode/utf8"
)

// Mark ends a text that has been cut by Marked or Characters.
const Mark = "…"

// To returns s cut to at most limit bytes. A text that was cut does not keep
// the memory of s.
func To(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.Clone(s[:End(s, limit)])
}

// Marked is To for readers who should see that something is missing: a text
// that was cut ends in Mark, which counts. A limit too small for it leaves
// nothing.
func Marked(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	if limit < len(Mark) {
		return ""
	}
	return s[:End(s, limit-len(Mark))] + Mark
}

// Characters cuts s to at most limit code points, the last of which is Mark if
// anything was cut: for the cells of a table.
func Characters(s string, limit int) string {
	switch {
	case len(s) <= limit: // Each has at least one byte.
		return s
	case limit <= 0:
		return ""
	}
	last, n := 0, 0 // Where the n-th code point begins.
	for i := range s {
		if n++; n > limit {
			return s[:last] + Mark
		}
		last = i
	}
	return s
}

// End returns the largest index up to limit at which s may be cut: the
// beginning of a code point, or the end of s.
func End[T ~string | ~[]byte](s T, limit int) int {
	limit = max(limit, 0)
	if limit >= len(s) {
		return len(s)
	}
	for back := range min(limit+1, utf8.UTFMax) {
		if utf8.RuneStart(s[limit-back]) {
			return limit - back
		}
	}
	return limit // Not UTF-8: no code point is this long.
}
