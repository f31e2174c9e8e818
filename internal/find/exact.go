package find

import (
	"cmp"
	"strings"
)

// exactness is how exactly a question names a tool. An exact name outranks
// everything else.
type exactness int

const (
	inexact  exactness = iota
	folded             // but for case, '_', '-', '.'
	verbatim           // byte for byte
)

// exact returns how exactly a question names a tool.
func (q *question) exact(d *doc) exactness {
	best := inexact
	for _, n := range q.names {
		best = max(best, n.matches(d))
	}
	return best
}

// name is something in a question that may be a tool's name.
type name struct {
	server, tool string // server is "" without one: SERVER/TOOL, SERVER__TOOL
	folded       string // the tool
}

func newName(server, tool string) name { return name{server, tool, foldName(tool)} }

func (n name) matches(d *doc) exactness {
	switch {
	case n.tool == d.tool && cmp.Or(n.server, d.server) == d.server:
		return verbatim
	case n.folded != "" && n.folded == d.folded && foldName(cmp.Or(n.server, d.server)) == foldName(d.server):
		return folded
	}
	return inexact
}

// quotes are what may stand around a name in a sentence.
const quotes = "\"'`.,;:!?()[]{}<>“”‘’«»"

// names finds what may be a tool's name. Alone any text may; in a sentence only
// what cannot be a word of it, as in "use git_status now".
func names(query string) []name {
	query = strings.TrimSpace(query)
	out := withServers(query)
	for piece := range strings.FieldsSeq(query) {
		if piece = strings.Trim(piece, quotes); identifier(piece) && piece != query {
			out = append(out, withServers(piece)...)
		}
	}
	return out
}

// withServers reads a name, and each way in which a server's may stand before it.
func withServers(text string) []name {
	out := []name{newName("", text)}
	for _, sep := range []string{"/", "__"} {
		for i := range text {
			if strings.HasPrefix(text[i:], sep) {
				out = append(out, newName(text[:i], text[i+len(sep):]))
			}
		}
	}
	return out
}

// identifier reports whether no sentence has such a word: it has a sign or a
// digit, or a capital within.
func identifier(word string) bool {
	capital := false
	for i, r := range word {
		if strings.ContainsRune("_/-.", r) || r >= '0' && r <= '9' {
			return true
		}
		capital = capital || i > 0 && r >= 'A' && r <= 'Z'
	}
	return capital && strings.ToUpper(word) != word
}

// foldName is a name without case, blanks, '_', '-' and '.'.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return r
	}, fold(name))
}
