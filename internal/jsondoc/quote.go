package jsondoc

import (
	"strconv"

	"gatehouse/internal/textcut"
)

// Quote shows a name of the file in a message: quoted, escaped, and cut when
// it is longer than anybody wants to read.
func Quote(s string) string { return strconv.Quote(Shorten(s)) }

// maxShown is how much of a text of the file a message repeats, in bytes, with
// the mark of the cut.
const maxShown = 80 + len(textcut.Mark)

// Shorten cuts a text of a file to what a message may repeat of it.
func Shorten(s string) string { return textcut.Marked(s, maxShown) }
