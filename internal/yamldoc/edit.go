package yamldoc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

// errOtherForm means that a value is written in a way that cannot be changed line
// by line.
var errOtherForm = errors.New("it is written in one line, in braces or brackets: change it by hand")

// errLineEnds means that a file has line ends by which YAML counts other lines than
// we do: an edit would hit the wrong ones.
var errLineEnds = errors.New("it has line ends other than LF and CRLF: change it by hand")

// oddBreak finds what ends a line in YAML, and in few other texts.
var oddBreak = lazyregexp.New(`\r(?:[^\n]|$)|[\x{85}\x{2028}\x{2029}]`)

// block is the value of a key at the top, line by line.
type block struct {
	src     []byte
	newline string
	lines   []string // with their ends
	key     int      // the line of the key; -1 if there is none
	end     int      // the line behind the last one of the value
	items   []item
	empty   bool
	listed  bool
	indent  string
}

// item is one entry: a member of a mapping, or an element of a list by its name.
type item struct {
	name string
	line int
}

// Set returns a copy of src in which the mapping, or the list, of the key at the
// top has an entry of these lines at its end, in place of one with that name. A
// missing key is added. Nothing else changes.
func Set(src []byte, key, name string, listed bool, lines []string) ([]byte, error) {
	src, _, _ = Remove(src, key, name, listed)
	b, err := find(src, key, listed)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(b.indent + l + b.newline)
	}
	return b.insert(key, name, text.String())
}

// Append returns a copy of src with an entry at the end that Remove has returned.
func Append(src []byte, key, name string, listed bool, text string) ([]byte, error) {
	b, err := find(src, key, listed)
	if err != nil {
		return nil, err
	}
	return b.insert(key, name, text)
}

func (b *block) insert(key, name, text string) ([]byte, error) {
	at := b.end
	if b.key < 0 {
		at = len(b.lines)
		text = key + ":" + b.newline + text
	}
	if at > 0 && !strings.HasSuffix(b.lines[at-1], "\n") {
		b.lines[at-1] += b.newline
	}
	if b.key >= 0 && b.empty {
		b.lines[b.key] = emptyValue().ReplaceAllString(b.lines[b.key], "$1$2")
	}
	after := []byte(strings.Join(b.lines[:at], "") + text + strings.Join(b.lines[at:], ""))
	again, err := find(after, key, b.listed)
	if err != nil || !again.has(name) {
		return nil, errOtherForm
	}
	return after, nil
}

func (b *block) has(name string) bool {
	for _, i := range b.items {
		if i.name == name {
			return true
		}
	}
	return false
}

// Remove returns a copy of src without an entry, and its lines. It reports false
// if there is none, or if it is not written in lines of its own.
func Remove(src []byte, key, name string, listed bool) (after []byte, text string, found bool) {
	b, err := find(src, key, listed)
	if err != nil {
		return src, "", false
	}
	for i, it := range b.items {
		if it.name != name {
			continue
		}
		end := b.end
		if i+1 < len(b.items) {
			end = b.items[i+1].line
			for end > it.line+1 && quiet(b.lines[end-1]) {
				end-- // A comment belongs to what follows.
			}
		}
		rest := strings.Join(b.lines[:it.line], "") + strings.Join(b.lines[end:], "")
		return []byte(rest), strings.Join(b.lines[it.line:end], ""), true
	}
	return src, "", false
}

var emptyValue = lazyregexp.New(`^([^:#]+:)[ \t]*(?:\{[ \t]*\}|\[[ \t]*\]|~|null)([ \t]*(?:#.*)?\r?\n?)$`)

// quiet reports whether a line says nothing.
func quiet(line string) bool {
	text := strings.TrimSpace(line)
	return text == "" || text[0] == '#'
}

// find finds the value of a key in lines.
func find(src []byte, key string, listed bool) (*block, error) {
	if doc, problems := Parse("", src); doc == nil || doc.Root.Kind != jsondoc.KindObject {
		if len(problems) > 0 {
			return nil, errors.New(problems[0].Message)
		}
		return nil, errors.New("the file is not a mapping")
	}
	if oddBreak().Match(src) {
		return nil, errLineEnds
	}
	b := &block{src: src, newline: "\n", key: -1, listed: listed, indent: "  ", lines: strings.SplitAfter(string(src), "\n")}
	if b.lines[len(b.lines)-1] == "" {
		b.lines = b.lines[:len(b.lines)-1]
	}
	if bytes.Contains(src, []byte("\r\n")) {
		b.newline = "\r\n"
	}
	var root yaml.Node
	if err := yaml.Unmarshal(src, &root); err != nil {
		return nil, fmt.Errorf("the file is not valid YAML: %w", err)
	}
	if len(root.Content) == 0 {
		return b, nil
	}
	top := root.Content[0]
	if top.Style&yaml.FlowStyle != 0 && len(top.Content) > 0 {
		return nil, errOtherForm
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != key {
			continue
		}
		b.key = top.Content[i].Line - 1
		b.end = len(b.lines)
		if i+2 < len(top.Content) {
			b.end = top.Content[i+2].Line - 1
		}
		for b.end > b.key+1 && (quiet(b.lines[b.end-1]) || strings.HasPrefix(b.lines[b.end-1], "---") || strings.HasPrefix(b.lines[b.end-1], "...")) {
			b.end--
		}
		return b, b.read(top.Content[i+1])
	}
	return b, nil
}

// read reads the entries of the value.
func (b *block) read(value *yaml.Node) error {
	switch {
	case len(value.Content) == 0 && value.Kind != yaml.AliasNode:
		b.empty = true
		return nil
	case value.Style&yaml.FlowStyle != 0 || value.Kind == yaml.AliasNode || b.listed != (value.Kind == yaml.SequenceNode):
		return errOtherForm
	}
	b.indent = strings.Repeat(" ", value.Content[0].Column-1)
	if b.listed {
		line := b.lines[value.Line-1]
		b.indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
		for _, e := range value.Content {
			b.items = append(b.items, item{nameOf(e), e.Line - 1})
		}
		return nil
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		b.items = append(b.items, item{value.Content[i].Value, value.Content[i].Line - 1})
	}
	return nil
}

// nameOf is what an element of a list says its name is.
func nameOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}
