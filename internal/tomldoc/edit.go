package tomldoc

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"gatehouse/internal/jsondoc"
)

// errOtherForm means that a table is written in a way that cannot be changed line
// by line.
var errOtherForm = errors.New("it is written as an inline table, or with dotted keys: change it by hand")

// errNotTOML means that a text is not TOML before anything is changed: what is put
// behind it could make it TOML, of which nothing was in force before.
var errNotTOML = errors.New("it is not valid TOML: fix it for the program that it belongs to, then try again")

// Set returns a copy of src with the table at path, whose keys and values are
// body, at its end. A table that is there is replaced. Nothing else changes. It
// returns an error if src is not TOML, or the result would not be.
func Set(src []byte, path []string, body string) ([]byte, error) {
	if !valid(src) {
		return nil, errNotTOML
	}
	src, _, _ = Remove(src, path)
	newline := "\n"
	if bytes.Contains(src, []byte("\r\n")) {
		newline = "\r\n"
	}
	var b strings.Builder
	b.Write(src)
	if len(src) > 0 && src[len(src)-1] != '\n' {
		b.WriteString(newline)
	}
	if len(bytes.TrimSpace(src)) > 0 {
		b.WriteString(newline)
	}
	text := "[" + dotted(path) + "]\n" + body
	b.WriteString(strings.ReplaceAll(text, "\n", newline))
	return checked([]byte(b.String()), path)
}

// Append returns a copy of src with a text at its end that Remove has returned.
func Append(src []byte, text string, path []string) ([]byte, error) {
	if !valid(src) {
		return nil, errNotTOML
	}
	after := slices.Clone(src)
	if len(after) > 0 && after[len(after)-1] != '\n' {
		after = append(after, '\n')
	}
	return checked(append(after, text...), path)
}

func valid(src []byte) bool {
	doc, _ := Parse("", src)
	return doc != nil
}

// checked returns the text if it is TOML in which there is something at path.
func checked(src []byte, path []string) ([]byte, error) {
	doc, _ := Parse("", src)
	if doc == nil {
		return nil, errOtherForm
	}
	n := doc.Root
	for _, key := range path {
		if n = n.Member(key); n == nil {
			return nil, errOtherForm
		}
	}
	return src, nil
}

// Remove returns a copy of src without the table at path and the tables below
// it, and their text. It reports false if there is none, or if it is not written
// as tables of its own.
func Remove(src []byte, path []string) (after []byte, text string, found bool) {
	if !valid(src) {
		return src, "", false
	}
	all := expressions(src)
	var removed strings.Builder
	last := 0
	for i, e := range all {
		end := len(src)
		if i+1 < len(all) {
			end = all[i+1].from
		}
		if !within(e.table, path) {
			if within(e.key, path) {
				return src, "", false // In another form.
			}
			continue
		}
		if i+1 == len(all) || !within(all[i+1].table, path) {
			end = withoutTail(src, e.from, end)
		}
		after = append(after, src[last:e.from]...)
		removed.Write(src[e.from:end])
		last = end
	}
	if removed.Len() == 0 {
		return src, "", false
	}
	if last == len(src) { // The line before it was there for it.
		after = append(bytes.TrimRight(after, "\r\n"), trailing(after)...)
	}
	return append(after, src[last:]...), removed.String(), true
}

// trailing is the line end that stays of those at the end of a text.
func trailing(text []byte) []byte {
	switch {
	case bytes.HasSuffix(text, []byte("\r\n")):
		return []byte("\r\n")
	case bytes.HasSuffix(text, []byte("\n")):
		return []byte("\n")
	}
	return nil
}

// withoutTail is where a part ends if the empty lines and comments behind it belong
// to what follows.
func withoutTail(src []byte, from, end int) int {
	if end == len(src) {
		return end
	}
	for end > from {
		start := bytes.LastIndexByte(src[:end-1], '\n') + 1
		if line := bytes.TrimSpace(src[start:end]); start <= from || len(line) > 0 && line[0] != '#' {
			return end
		}
		end = start
	}
	return end
}

// expression is a line, or several, that says something.
type expression struct {
	from  int
	table []string // the table that it is in, or begins
	key   []string // what it sets, from the root on
}

func within(path, in []string) bool {
	return len(path) >= len(in) && slices.Equal(path[:len(in)], in)
}

func expressions(src []byte) (list []expression) {
	var p unstable.Parser
	p.Reset(src)
	var table []string
	for p.NextExpression() {
		n := p.Expression()
		var key []string
		at := -1
		for it := n.Key(); it.Next(); {
			if at < 0 {
				at = int(it.Node().Raw.Offset)
			}
			key = append(key, string(it.Node().Data))
		}
		if at < 0 {
			continue
		}
		e := expression{from: bytes.LastIndexByte(src[:at], '\n') + 1}
		if n.Kind == unstable.KeyValue {
			e.key = slices.Concat(table, key)
		} else {
			table = key
		}
		e.table = table
		list = append(list, e)
	}
	return list
}

func dotted(path []string) string {
	parts := make([]string, len(path))
	for i, key := range path {
		parts[i] = key
		if !jsondoc.PlainWord(key) {
			parts[i] = String(key)
		}
	}
	return strings.Join(parts, ".")
}

// String writes a text as TOML.
func String(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c >= ' ' && c != 0x7f:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
