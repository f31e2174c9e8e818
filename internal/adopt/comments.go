package adopt

import (
	"bytes"
	"strings"

	"gatehouse/internal/clients"
)

// stretch is a part of a text, and what is shown in its place.
type stretch struct {
	from, to int
	shown    string
}

// comments are what the comments of a text say: somebody may have put an entry into one,
// with all its secrets.
func comments(file string, src []byte) (found []stretch) {
	for _, c := range clients.Comments(file, src) {
		said := bytes.TrimRight(src[c[0]:c[1]], "\r")
		if len(said) > 0 {
			found = append(found, stretch{c[0], c[0] + len(said), " " + hidden + strings.Repeat("\n"+hidden, bytes.Count(said, []byte("\n")))})
		}
	}
	return found
}
