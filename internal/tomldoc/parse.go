package tomldoc

import (
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

// Codes of the problems of a TOML file.
const (
	codeSyntax  = "invalid-toml"
	codeTooDeep = "nesting-too-deep"
)

// maxNesting is the deepest nesting of arrays, inline tables and dotted keys.
const maxNesting = 64

// Parse reads src as TOML, of up to jsondoc.MaxForeignBytes. Numbers, dates and
// booleans keep the text that is written. The document is nil if there is an
// Error. No value is quoted in a problem.
func Parse(file string, src []byte) (*jsondoc.Document, []jsondoc.Problem) {
	r := jsondoc.NewReport(file)
	text, ok := jsondoc.ReadForeignText(r, src)
	if !ok {
		return nil, r.Finish()
	}
	if at := tooDeep(text.Bytes); at >= 0 {
		r.Add(text.Position(at), jsondoc.Error, "", codeTooDeep, "", "nested deeper than %d levels", maxNesting)
		return nil, r.Finish()
	}
	var whole map[string]any // What is read is thrown away: the library checks keys that occur twice.
	if err := toml.Unmarshal(text.Bytes, &whole); err != nil {
		r.Add(text.Position(offsetOf(text.Bytes, err)), jsondoc.Error, "", codeSyntax, "fix it for the program that it belongs to, then try again", "the file is not valid TOML")
		return nil, r.Finish()
	}
	b := builder{tree: jsondoc.NewTree(text), root: &table{}}
	b.parser.Reset(text.Bytes)
	for b.parser.NextExpression() {
		b.expression(b.parser.Expression())
	}
	if b.parser.Error() != nil || b.tooDeep {
		r.Add(text.Position(0), jsondoc.Error, "", codeSyntax, "", "the file is not valid TOML, or nested too deep")
		return nil, r.Finish()
	}
	return b.tree.Document(b.node(b.root)), r.Finish()
}

// offsetOf is where the library has found an error.
func offsetOf(src []byte, err error) int {
	decode, ok := errors.AsType[*toml.DecodeError](err)
	if !ok {
		return 0
	}
	row, column := decode.Position()
	at := 0
	for range row - 1 {
		i := strings.IndexByte(string(src[at:]), '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return min(at+max(column-1, 0), len(src))
}

// table is a table that is still being read, in the order of its keys.
type table struct {
	offset int
	keys   []string
	at     map[string]int // where each key is written
	values map[string]any // *jsondoc.Node, *table, or []*table
}

func (t *table) set(key string, offset int, value any) {
	if t.values == nil {
		t.values, t.at = map[string]any{}, map[string]int{}
	}
	if _, known := t.values[key]; !known {
		t.keys, t.at[key] = append(t.keys, key), offset
	}
	t.values[key] = value
}

// sub is the table below a key, the last one if there are several.
func (t *table) sub(key string, offset int) *table {
	switch v := t.values[key].(type) {
	case *table:
		return v
	case []*table:
		return v[len(v)-1]
	}
	made := &table{offset: offset}
	t.set(key, offset, made)
	return made
}

type builder struct {
	tree    jsondoc.Tree
	parser  unstable.Parser
	root    *table
	current *table
	tooDeep bool
}

func (b *builder) expression(n *unstable.Node) {
	if b.current == nil {
		b.current = b.root
	}
	switch n.Kind { //nolint:exhaustive // No other kind is at the top.
	case unstable.KeyValue:
		b.keyValue(b.current, n)
	case unstable.Table:
		b.current = b.follow(b.root, n)
	case unstable.ArrayTable:
		keys, offsets := b.keys(n)
		if len(keys) == 0 {
			return
		}
		last := len(keys) - 1
		in := b.walk(b.root, keys[:last], offsets)
		list, _ := in.values[keys[last]].([]*table)
		b.current = &table{offset: offsets[last]}
		in.set(keys[last], offsets[last], append(list, b.current))
	}
}

// keys are the parts of a dotted key, and where they are written.
func (b *builder) keys(n *unstable.Node) (keys []string, offsets []int) {
	for it := n.Key(); it.Next(); {
		keys = append(keys, string(it.Node().Data))
		offsets = append(offsets, int(it.Node().Raw.Offset))
	}
	b.tooDeep = b.tooDeep || len(keys) > maxNesting
	return keys, offsets
}

func (b *builder) follow(from *table, n *unstable.Node) *table {
	keys, offsets := b.keys(n)
	return b.walk(from, keys, offsets)
}

func (b *builder) walk(from *table, keys []string, offsets []int) *table {
	for i, key := range keys {
		from = from.sub(key, offsets[i])
	}
	return from
}

func (b *builder) keyValue(in *table, n *unstable.Node) {
	keys, offsets := b.keys(n)
	if len(keys) == 0 {
		return
	}
	last := len(keys) - 1
	in = b.walk(in, keys[:last], offsets)
	in.set(keys[last], offsets[last], b.value(n.Value(), offsets[last]))
}

// value reads a value; near is where it is said to be if it does not know.
func (b *builder) value(n *unstable.Node, near int) any {
	at := near
	if n.Raw.Length > 0 {
		at = int(n.Raw.Offset)
	}
	switch n.Kind { //nolint:exhaustive // All others are dates and times.
	case unstable.Array:
		elements := []*jsondoc.Node{}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				elements = append(elements, b.node(b.value(it.Node(), at)))
			}
		}
		return b.tree.Array(at, elements)
	case unstable.InlineTable:
		t := &table{offset: at}
		for it := n.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				b.keyValue(t, it.Node())
			}
		}
		return t
	case unstable.String:
		return b.tree.Scalar(at, jsondoc.KindString, string(n.Data))
	case unstable.Bool:
		return b.tree.Scalar(at, jsondoc.KindBool, string(n.Data))
	case unstable.Integer, unstable.Float:
		return b.tree.Scalar(at, jsondoc.KindNumber, string(n.Data))
	default: // Dates and times.
		return b.tree.Scalar(at, jsondoc.KindString, string(n.Data))
	}
}

func (b *builder) node(value any) *jsondoc.Node {
	switch v := value.(type) {
	case *jsondoc.Node:
		return v
	case []*table:
		elements := make([]*jsondoc.Node, len(v))
		for i, t := range v {
			elements[i] = b.node(t)
		}
		return b.tree.Array(v[0].offset, elements)
	case *table:
		members := make([]jsondoc.Member, len(v.keys))
		for i, key := range v.keys {
			members[i] = b.tree.Member(v.at[key], key, b.node(v.values[key]))
		}
		return b.tree.Object(v.offset, members)
	}
	return b.tree.Scalar(0, jsondoc.KindNull, "")
}

// tokens are what matters for nesting: strings and comments whole, so that the
// brackets in them do not count.
var tokens = lazyregexp.New(`(?s)"""(?:[^\\]|\\.)*?"""|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[\[{}\]]`)

// tooDeep is the offset of the bracket that is nested too deep; -1 if there is
// none. The library recurses without a limit.
func tooDeep(src []byte) int {
	depth := 0
	for _, at := range tokens().FindAllIndex(src, -1) {
		switch src[at[0]] {
		case '[', '{':
			if depth++; depth > maxNesting {
				return at[0]
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return -1
}
