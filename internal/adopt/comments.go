package adopt

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

// stretch is a part of a text, and what is shown in its place.
type stretch struct {
	from, to int
	shown    string
}

// comments are what the comments of a text say: somebody may have put an entry into one,
// with all its secrets. literals are all that the text has.
func comments(file string, src []byte, literals []jsondoc.Literal) (found []stretch) {
	literals = slices.SortedFunc(slices.Values(literals), func(a, b jsondoc.Literal) int { return cmp.Compare(a.From, b.From) })
	begin := commentOfJSON
	if ext := strings.ToLower(filepath.Ext(file)); ext == ".toml" || ext == ".yaml" || ext == ".yml" {
		begin = commentOfLine
	}
	for at := 0; at < len(src); {
		if len(literals) > 0 && at >= literals[0].From {
			at = max(at, literals[0].To)
			literals = literals[1:]
			continue
		}
		from, to := begin(src, at)
		switch {
		case to > from:
			found = append(found, stretch{from, to, " " + hidden + strings.Repeat("\n"+hidden, bytes.Count(src[from:to], []byte("\n")))})
			at = to
		default:
			at = pastQuoted(src, at)
		}
	}
	return found
}

// commentOfJSON is what the comment says that begins at a place; empty if none does.
func commentOfJSON(src []byte, at int) (from, to int) {
	rest := src[at:]
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		return at + 2, endOfLine(src, at)
	case bytes.HasPrefix(rest, []byte("/*")):
		end := bytes.Index(rest[2:], []byte("*/"))
		if end < 0 {
			return at + 2, len(src)
		}
		return at + 2, at + 2 + end
	}
	return at, at
}

// commentOfLine is the same in TOML and YAML, where a word may have the sign within it.
func commentOfLine(src []byte, at int) (from, to int) {
	if src[at] != '#' || at > 0 && !bytes.ContainsRune([]byte(" \t\r\n,[]{}"), rune(src[at-1])) {
		return at, at
	}
	return at + 1, endOfLine(src, at)
}

// endOfLine is where the line ends that has a place.
func endOfLine(src []byte, at int) int {
	if end := bytes.IndexAny(src[at:], "\r\n"); end >= 0 {
		return at + end
	}
	return len(src)
}

// pastQuoted is the place behind what begins at another: a quoted key, which ends in its
// line, or a single byte.
func pastQuoted(src []byte, at int) int {
	quote := src[at]
	if quote != '"' && quote != '\'' {
		return at + 1
	}
	line := src[at:endOfLine(src, at)]
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote:
			return at + i + 1
		}
	}
	return at + 1
}
