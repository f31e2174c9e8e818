package jsondoc

import (
	"strconv"
	"strings"

	"github.com/tailscale/hujson"

	"gatehouse/internal/policy"
)

// The limits that are checked on a file's bytes before any parser sees them.
const (
	// MaxFileBytes is the largest file that is read, in bytes. Whoever reads
	// a file should read at most one byte more.
	MaxFileBytes = 4 << 20
	// MaxForeignBytes is the largest file of another program that is read:
	// some keep their whole history in it.
	MaxForeignBytes = 64 << 20
	// maxNesting is the deepest nesting of objects and arrays.
	maxNesting = 64
)

// Codes of the problems that any JSON file may have.
const (
	codeTooLarge     = "file-too-large"
	codeNotUTF8      = "not-utf8"
	codeTooDeep      = "nesting-too-deep"
	codeSyntax       = "invalid-json"
	codeDuplicateKey = "duplicate-key"
	codeKeyCase      = "key-case"
)

// Kind is the JSON type of a Node.
type Kind string

// The kinds of a Node.
const (
	KindObject Kind = "object"
	KindArray  Kind = "array"
	KindString Kind = "string"
	KindNumber Kind = "number"
	KindBool   Kind = "boolean"
	KindNull   Kind = "null"
)

// Document is a parsed JSON file, comments and trailing commas accepted, whose
// values know their position. It is immutable.
type Document struct {
	// Root is the file's top-level value.
	Root *Node

	lines *lineTable
}

// Node is one JSON value of a Document.
type Node struct {
	// Kind says which of the other accessors mean anything.
	Kind Kind

	doc      *Document
	offset   int
	text     string // strings unescaped, other literals as written
	members  []Member
	elements []*Node
}

// Member is one "key": value of an object.
type Member struct {
	// Key is unescaped.
	Key string
	// Value is never nil.
	Value *Node

	keyOffset int
}

// Pos is where the value begins.
func (n *Node) Pos() policy.Position { return n.doc.lines.position(n.offset) }

// Text is the value of a string, unescaped, or a number or boolean as
// written. It is empty for objects, arrays and null.
func (n *Node) Text() string { return n.text }

// Bool is the value of a boolean, and false for every other kind.
func (n *Node) Bool() bool { return n.Kind == KindBool && n.text == "true" }

// Int is the value of a number that is a whole one and fits into 64 bits. 1e3 and
// 10.0 do not count as whole.
func (n *Node) Int() (int64, bool) {
	if n.Kind != KindNumber {
		return 0, false
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	return i, err == nil
}

// Members are an object's members in file order, a repeated key included
// (which is a Problem of the document). It must not be changed.
func (n *Node) Members() []Member { return n.members }

// Elements are an array's elements in file order. It must not be changed.
func (n *Node) Elements() []*Node { return n.elements }

// Member is the value of the first member with this key, or nil. Nil has none.
func (n *Node) Member(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.members {
		if n.members[i].Key == key {
			return n.members[i].Value
		}
	}
	return nil
}

// KeyPos is where the first member with this key begins. It is the zero
// Position if there is none.
func (n *Node) KeyPos(key string) policy.Position {
	for i := range n.members {
		if n.members[i].Key == key {
			return n.members[i].KeyPos()
		}
	}
	return policy.Position{}
}

// KeyPos is where the key of a member is written.
func (m Member) KeyPos() policy.Position { return m.Value.doc.lines.position(m.keyOffset) }

// Parse reads src as JSON with comments and trailing commas. The
// document is nil when the bytes cannot be read at all: then there is exactly
// one problem. Otherwise the problems are the keys that occur twice in one
// object. Size, encoding and nesting are checked before the parser sees src;
// one leading byte order mark is skipped. No text of src is quoted in a
// problem but keys and single characters.
func Parse(file string, src []byte) (*Document, []Problem) { return parse(file, src, MaxFileBytes) }

// ParseForeign is Parse for a file of another program, of up to MaxForeignBytes.
// A key that occurs twice is a Warning, and the last one counts, as it does
// there.
func ParseForeign(file string, src []byte) (*Document, []Problem) {
	doc, problems := parse(file, src, MaxForeignBytes)
	if doc == nil || len(problems) == 0 {
		return doc, problems
	}
	for i := range problems {
		problems[i].Severity, problems[i].Hint = Warning, "the last one counts"
	}
	lastWins(doc.Root)
	return doc, problems
}

// lastWins takes all but the last out of the members that have one key.
func lastWins(n *Node) {
	for _, e := range n.elements {
		lastWins(e)
	}
	last := make(map[string]int, len(n.members))
	for i, m := range n.members {
		lastWins(m.Value)
		last[m.Key] = i
	}
	if len(last) == len(n.members) {
		return
	}
	kept := n.members[:0]
	for i, m := range n.members {
		if last[m.Key] == i {
			kept = append(kept, m)
		}
	}
	n.members = kept
}

func parse(file string, src []byte, limit int) (*Document, []Problem) {
	r := NewReport(file)
	text, ok := readText(r, src, limit)
	if !ok {
		return nil, r.Finish()
	}
	if at := tooDeep(text.Bytes); at >= 0 {
		r.Add(text.Position(at), Error, "", codeTooDeep, "", "nested deeper than %d levels", maxNesting)
		return nil, r.Finish()
	}
	value, wrong := parseHuJSON(text.Bytes)
	if wrong != nil {
		r.Add(text.Position(wrong.offset), Error, "", codeSyntax, wrong.hint, "Invalid JSON: %s", wrong.reason)
		return nil, r.Finish()
	}
	b := builder{doc: &Document{lines: text.lines}, report: r}
	b.doc.Root = b.node(&value)
	return b.doc, r.Finish()
}

// builder turns hujson's tree into Nodes and reports repeated keys.
type builder struct {
	doc    *Document
	report *Report
	// steps leads from the root to the present node. The path is put into
	// words only where there is a problem: it can be long, and nodes are many.
	steps []step
}

// step is one step of a path: into the member key, or into the element index.
type step struct {
	key     string
	index   int
	element bool
}

func (b *builder) node(v *hujson.Value, at ...step) *Node {
	b.steps = append(b.steps, at...)
	n := &Node{doc: b.doc, offset: v.StartOffset}
	switch value := v.Value.(type) {
	case *hujson.Object:
		n.Kind, n.members = KindObject, b.members(value)
	case *hujson.Array:
		n.Kind, n.elements = KindArray, make([]*Node, len(value.Elements))
		for i := range value.Elements {
			n.elements[i] = b.node(&value.Elements[i], step{index: i, element: true})
		}
	case hujson.Literal:
		n.Kind, n.text = literalKind(value), literalText(value)
	}
	b.steps = b.steps[:len(b.steps)-len(at)]
	return n
}

func (b *builder) members(o *hujson.Object) []Member {
	members := make([]Member, len(o.Members))
	seen := make(map[string]int, len(o.Members))
	for i := range o.Members {
		name, value := &o.Members[i].Name, &o.Members[i].Value
		literal, _ := name.Value.(hujson.Literal)
		key := literalText(literal)
		if first, twice := seen[key]; twice {
			b.duplicate(key, first, name.StartOffset)
		} else {
			seen[key] = name.StartOffset
		}
		members[i] = Member{Key: key, keyOffset: name.StartOffset, Value: b.node(value, step{key: key})}
	}
	return members
}

// duplicate reports a key of the present object that occurred before.
func (b *builder) duplicate(key string, first, second int) {
	path := ""
	if b.report.errors < maxProblems {
		for _, s := range b.steps {
			if s.element {
				path = IndexPath(path, s.index)
			} else {
				path = KeyPath(path, s.key)
			}
		}
		path = KeyPath(path, key)
	}
	b.report.Add(b.doc.lines.position(second), Error, path, codeDuplicateKey, "keep one of them",
		"the key %s occurs twice in this object, first in line %d", Quote(key), b.doc.lines.position(first).Line)
}

func literalKind(l hujson.Literal) Kind {
	switch l.Kind() {
	case '"':
		return KindString
	case '0':
		return KindNumber
	case 't', 'f':
		return KindBool
	}
	return KindNull
}

func literalText(l hujson.Literal) string {
	switch l.Kind() {
	case 'n':
		return ""
	case '"':
		if body := string(l[1 : len(l)-1]); !strings.Contains(body, `\`) {
			return body
		}
	}
	return l.String()
}
