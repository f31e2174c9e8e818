package yamldoc

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

// Comments are the places of what the comments of a YAML file say, each with its end,
// where Literals finds no fault with it. Some more may be among them, which the file
// means otherwise: what comes behind the sign in a text of several lines without quotes,
// or in a name of an anchor.
func Comments(src []byte) (found [][2]int) {
	text, ok := jsondoc.ReadForeignText(jsondoc.NewReport(""), src)
	var root yaml.Node
	if !ok || yaml.Unmarshal(text.Bytes, &root) != nil {
		return [][2]int{{0, len(src)}}
	}
	b := builder{src: text.Bytes, lines: linesOf(text.Bytes)}
	texts := b.texts(&root, nil)
	slices.SortFunc(texts, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	shift := len(src) - len(b.src)
	for at := 0; at < len(b.src); {
		switch {
		case len(texts) > 0 && at >= texts[0][0]:
			at = max(at, texts[0][1])
			texts = texts[1:]
		case b.src[at] == '#':
			end := endOfLine(b.src, at)
			found = append(found, [2]int{shift + at + 1, shift + end})
			at = end
		default:
			at++
		}
	}
	return found
}

// texts are the places of the keys and values in which a sign is none of a comment.
func (b *builder) texts(n *yaml.Node, found [][2]int) [][2]int {
	if n.Kind == yaml.ScalarNode {
		if from, to := b.text(n); to > from {
			found = append(found, [2]int{from, to})
		}
	}
	for _, c := range n.Content {
		found = b.texts(c, found)
	}
	return found
}

// text is the place of one; empty if it is not known for sure.
func (b *builder) text(n *yaml.Node) (from, to int) {
	from = b.offset(n)
	rest := b.src[from:]
	switch {
	case len(rest) == 0:
	case n.Style&yaml.DoubleQuotedStyle != 0 && rest[0] == '"':
		return from, from + endOfQuoted(rest, `\`)
	case n.Style&yaml.SingleQuotedStyle != 0 && rest[0] == '\'':
		return from, from + endOfQuoted(rest, `'`)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return b.content(from, n.Value)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && bytes.HasPrefix(rest, []byte(n.Value)):
		return from, from + len(n.Value)
	}
	return from, from
}

// plainHead finds the end of what announces a text of lines, whose first one says how much
// all are indented.
var plainHead = lazyregexp.New(`(?:^|[ \t])[|>][+-]?[ \t\r]*$`)

// content are the lines of a text that is announced at a place: the first one, and all
// that are indented as much. Of what is announced otherwise they are none.
func (b *builder) content(head int, value string) (from, to int) {
	from = endOfLine(b.src, head)
	line, _, _ := strings.Cut(string(b.src[head:from]), "#")
	if strings.TrimSpace(value) == "" || !plainHead().MatchString(line) {
		return from, from
	}
	indent := -1
	for at := from; at < len(b.src); {
		end := endOfLine(b.src, at+1)
		text := bytes.TrimLeft(b.src[min(at+1, end):end], " ")
		spaces := end - at - 1 - len(text)
		if len(bytes.Trim(text, "\t\r")) > 0 {
			if indent < 0 {
				indent = spaces
			}
			if spaces < indent {
				return from, at
			}
		}
		at = end
	}
	return from, len(b.src)
}

// endOfLine is where the line ends that has a place.
func endOfLine(src []byte, at int) int {
	if at < len(src) {
		if end := bytes.IndexByte(src[at:], '\n'); end >= 0 {
			return at + end
		}
	}
	return len(src)
}
