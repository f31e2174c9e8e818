package jsondoc

// Tree makes the Document of a file in another format, so that whoever reads
// its values need not know which one it was.
type Tree struct {
	doc *Document
}

// NewTree makes the tree of a text. Offsets are in text.Bytes.
func NewTree(text Text) Tree { return Tree{&Document{lines: text.lines}} }

// Scalar makes a string, number, boolean or null. Text is the value of a string,
// and of a number or boolean what is written.
func (t Tree) Scalar(offset int, kind Kind, text string) *Node {
	return &Node{Kind: kind, doc: t.doc, offset: offset, text: text}
}

// Array makes an array. It keeps the slice.
func (t Tree) Array(offset int, elements []*Node) *Node {
	return &Node{Kind: KindArray, doc: t.doc, offset: offset, elements: elements}
}

// Object makes an object. It keeps the slice.
func (t Tree) Object(offset int, members []Member) *Node {
	return &Node{Kind: KindObject, doc: t.doc, offset: offset, members: members}
}

// Member makes a member whose key is written at an offset.
func (t Tree) Member(keyOffset int, key string, value *Node) Member {
	return Member{Key: key, Value: value, keyOffset: keyOffset}
}

// Document completes the tree.
func (t Tree) Document(root *Node) *Document {
	t.doc.Root = root
	return t.doc
}
