package yamldoc

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

// Codes of the problems of a YAML file.
const (
	codeSyntax   = "invalid-yaml"
	codeTooDeep  = "nesting-too-deep"
	codeTooLarge = "too-many-values"
)

const (
	maxNesting = 64
	// maxNodes is how many values a file may have once its aliases are written
	// out: a few lines can stand for billions.
	maxNodes = 200_000
	// maxBytes is the largest YAML file that is read: the library takes ten
	// times as much.
	maxBytes = 8 << 20
)

// Parse reads src as YAML, of up to 8 MiB. Scalars keep the text that is written:
// no, on and 1_000 are not turned into anything. Aliases and merge keys are
// written out, within limits. The document is nil if there is an Error. No value
// is quoted in a problem.
func Parse(file string, src []byte) (*jsondoc.Document, []jsondoc.Problem) {
	r := jsondoc.NewReport(file)
	text, ok := jsondoc.ReadForeignText(r, src)
	if !ok {
		return nil, r.Finish()
	}
	fail := func(at int, code, format string, args ...any) (*jsondoc.Document, []jsondoc.Problem) {
		r.Add(text.Position(at), jsondoc.Error, "", code, "fix it for the program that it belongs to, then try again", format, args...)
		return nil, r.Finish()
	}
	if len(src) > maxBytes {
		return fail(0, codeTooLarge, "the file is larger than %d bytes", maxBytes)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text.Bytes, &root); err != nil {
		return fail(lineOffset(text.Bytes, lineOf(err)), codeSyntax, "the file is not valid YAML")
	}
	b := builder{tree: jsondoc.NewTree(text), src: text.Bytes, lines: linesOf(text.Bytes), left: maxNodes}
	if len(root.Content) == 0 { // An empty file.
		return b.tree.Document(b.tree.Object(0, nil)), r.Finish()
	}
	node := b.node(root.Content[0], 0)
	switch {
	case errors.Is(b.err, errTooDeep):
		return fail(b.failedAt, codeTooDeep, "nested deeper than %d levels", maxNesting)
	case b.err != nil:
		return fail(b.failedAt, codeTooLarge, "the file stands for more than %d values", maxNodes)
	}
	return b.tree.Document(node), r.Finish()
}

var (
	errTooDeep = errors.New("too deep")
	errTooMany = errors.New("too many values")
)

type builder struct {
	tree     jsondoc.Tree
	src      []byte
	lines    []int // where each begins
	left     int
	err      error
	failedAt int
}

// linesOf are where the lines of a text begin.
func linesOf(src []byte) []int {
	lines := []int{0}
	for i, c := range src {
		if c == '\n' {
			lines = append(lines, i+1)
		}
	}
	return lines
}

func (b *builder) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(b.lines) {
		return 0
	}
	at := b.lines[n.Line-1]
	for range n.Column - 1 { // In code points.
		if at < len(b.src) {
			at += max(1, runeLen(b.src[at:]))
		}
	}
	return min(at, len(b.src))
}

func runeLen(s []byte) int {
	n := 1
	for n < len(s) && n < 4 && s[n]&0xC0 == 0x80 {
		n++
	}
	return n
}

func (b *builder) node(n *yaml.Node, depth int) *jsondoc.Node {
	at := b.offset(n)
	b.left--
	switch {
	case b.err != nil:
		return b.null(at)
	case depth > maxNesting:
		b.err, b.failedAt = errTooDeep, at
		return b.null(at)
	case b.left < 0:
		b.err, b.failedAt = errTooMany, at
		return b.null(at)
	}
	switch n.Kind { //nolint:exhaustive // No other kind is inside of a document.
	case yaml.AliasNode:
		return b.node(n.Alias, depth+1)
	case yaml.SequenceNode:
		elements := make([]*jsondoc.Node, len(n.Content))
		for i, e := range n.Content {
			elements[i] = b.node(e, depth+1)
		}
		return b.tree.Array(at, elements)
	case yaml.MappingNode:
		return b.tree.Object(at, b.members(n, depth))
	case yaml.ScalarNode:
		kind := kindOf(n)
		if kind == jsondoc.KindNull {
			return b.null(at)
		}
		return b.tree.Scalar(at, kind, n.Value)
	default:
		return b.null(at)
	}
}

func (b *builder) null(at int) *jsondoc.Node { return b.tree.Scalar(at, jsondoc.KindNull, "") }

// members are those of a mapping; what is merged into it comes last, and only
// where it says nothing itself. Of two that have one key the last one counts.
func (b *builder) members(n *yaml.Node, depth int) []jsondoc.Member {
	var own []jsondoc.Member
	var merged []jsondoc.Member
	index := map[string]int{}
	for i := 0; i+1 < len(n.Content) && b.err == nil; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style == 0 {
			merged = append(merged, b.merge(b.node(value, depth+1))...)
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		m := b.tree.Member(b.offset(n.Content[i]), key.Value, b.node(value, depth+1))
		if at, twice := index[m.Key]; twice {
			own[at] = m
			continue
		}
		index[m.Key] = len(own)
		own = append(own, m)
	}
	for _, m := range merged {
		if _, known := index[m.Key]; !known {
			index[m.Key] = len(own)
			own = append(own, m)
		}
	}
	return own
}

func (b *builder) merge(n *jsondoc.Node) []jsondoc.Member {
	if n.Kind == jsondoc.KindObject {
		return n.Members()
	}
	var all []jsondoc.Member
	for _, e := range n.Elements() {
		all = append(all, e.Members()...)
	}
	return all
}

// kindOf is the kind of a scalar by YAML 1.2: yes, no, on and off are texts.
func kindOf(n *yaml.Node) jsondoc.Kind {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return jsondoc.KindString
	}
	switch n.Value {
	case "true", "false":
		return jsondoc.KindBool
	case "", "~", "null", "Null", "NULL":
		return jsondoc.KindNull
	}
	// Most texts begin as no number does.
	if strings.IndexByte("-0123456789", n.Value[0]) >= 0 && number().MatchString(n.Value) {
		return jsondoc.KindNumber
	}
	return jsondoc.KindString
}

var (
	number = lazyregexp.New(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$`)
	inLine = lazyregexp.New(`line (\d+)`)
)

// lineOf is the line that an error of the library names; 1 if it names none.
func lineOf(err error) int {
	m := inLine().FindStringSubmatch(err.Error())
	if m == nil {
		return 1
	}
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		return 1
	}
	return line
}

func lineOffset(src []byte, line int) int {
	at := 0
	for range line - 1 {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return len(src)
		}
		at += i + 1
	}
	return at
}
