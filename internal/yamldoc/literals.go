package yamldoc

import (
	"bytes"
	"errors"
	"slices"

	"go.yaml.in/yaml/v4"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

var (
	errNotYAML   = errors.New("it is not valid YAML, or stands for too much")
	errDocuments = errors.New("it has several documents")
)

// furtherDocument finds what ends a document, or begins one, behind other lines.
var furtherDocument = lazyregexp.New(`\n(?:---|\.\.\.)[ \t\r]*(?:\n|[^ \t\r\n]|[ \t]+[^ \t\r\n])`)

// Literals returns all texts and numbers of a YAML file. One that an alias stands for is
// there once for each path, at the place where it is written. The place of a text that
// is not in quotes may reach as far as the next value.
func Literals(src []byte) ([]jsondoc.Literal, error) {
	doc, _ := Parse("", src)
	if doc == nil {
		return nil, errNotYAML
	}
	if oddBreak().Match(src) {
		return nil, errLineEnds
	}
	text, _ := jsondoc.ReadForeignText(jsondoc.NewReport(""), src) // Parse has read it.
	var root yaml.Node
	if err := yaml.Unmarshal(text.Bytes, &root); err != nil {
		return nil, errNotYAML
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	w := literals{b: builder{src: text.Bytes, lines: linesOf(text.Bytes)}, shift: len(src) - len(text.Bytes), left: maxNodes}
	w.begins(&root)
	slices.Sort(w.starts)
	if furtherDocument().Match(text.Bytes[w.b.offset(root.Content[0]):]) {
		return nil, errDocuments
	}
	w.value(root.Content[0], nil, 0)
	if w.left < 0 {
		return nil, errNotYAML
	}
	return w.found, nil
}

type literals struct {
	b      builder
	shift  int
	left   int // how many values there may still be
	starts []int
	found  []jsondoc.Literal
}

// begins notes where keys and values begin.
func (w *literals) begins(n *yaml.Node) {
	w.starts = append(w.starts, w.b.offset(n))
	for _, c := range n.Content {
		w.begins(c)
	}
}

func (w *literals) value(n *yaml.Node, path []string, depth int) {
	if w.left--; w.left < 0 || depth > maxNesting {
		w.left = -1
		return
	}
	switch n.Kind { //nolint:exhaustive // No other kind is inside of a document.
	case yaml.AliasNode:
		w.value(n.Alias, path, depth+1)
	case yaml.SequenceNode:
		inner := append(slices.Clip(path), jsondoc.Element)
		for _, e := range n.Content {
			w.value(e, inner, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			w.value(n.Content[i+1], append(slices.Clip(path), key.Value), depth+1)
		}
	case yaml.ScalarNode:
		if kind := kindOf(n); kind == jsondoc.KindString || kind == jsondoc.KindNumber {
			from, to := w.place(n)
			w.found = append(w.found, jsondoc.Literal{From: w.shift + from, To: w.shift + to, Path: path, Text: n.Value})
		}
	}
}

// place is where a scalar is written.
func (w *literals) place(n *yaml.Node) (from, to int) {
	from = w.b.offset(n)
	rest := w.b.src[from:]
	switch {
	case len(rest) == 0:
		return from, from
	case n.Style&yaml.DoubleQuotedStyle != 0 && rest[0] == '"':
		return from, from + endOfQuoted(rest, `\`)
	case n.Style&yaml.SingleQuotedStyle != 0 && rest[0] == '\'':
		return from, from + endOfQuoted(rest, `'`)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 && bytes.HasPrefix(rest, []byte(n.Value)):
		return from, from + len(n.Value)
	}
	to = len(w.b.src)
	if i, _ := slices.BinarySearch(w.starts, from+1); i < len(w.starts) {
		to = w.starts[i]
	}
	return from, from + len(bytes.TrimRight(w.b.src[from:to], " \t\r\n"))
}

// endOfQuoted is behind the quote that ends the text, whose first byte is one. The
// escape is a backslash before any byte, or a quote before another.
func endOfQuoted(text []byte, escape string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == escape[0] && i+1 < len(text) && (escape[0] == '\\' || text[i+1] == text[0]):
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return len(text)
}
