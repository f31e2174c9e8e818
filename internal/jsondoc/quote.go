package jsondoc

import (
	"strconv"
)

// Quote shows a name of the file in a message: quoted, escaped, and cut when
// it is longer than anybody wants to read.
func Quote(s string) string { return strconv.Quote(Shorten(s)) }

// Shorten cuts after 80 bytes, between code points.
func Shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !beginsRune(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
