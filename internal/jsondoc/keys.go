package jsondoc

import (
	"slices"
	"strings"

	"gatehouse/internal/suggest"
)

// Key is one key that an object may have.
type Key struct {
	Name string
	// Read reads the key's value, at a path in the document. Nil leaves that to
	// the reader of the whole object.
	Read func(value *Node, path string)
}

// Keys are all keys that an object may have, in the order in which hints list
// them.
type Keys []Key

// Names lists the keys in their order.
func (k Keys) Names() []string {
	names := make([]string, len(k))
	for i := range k {
		names[i] = k[i].Name
	}
	return names
}

// Read reads every member of the object at path, in file order. Members that
// have no Key go to unknown, each with its own path.
func (k Keys) Read(object *Node, path string, unknown func(m Member, path string)) {
	k.read(object, path, false, unknown)
}

// ReadSet is Read for an object in which a key that is null is absent.
func (k Keys) ReadSet(object *Node, path string, unknown func(m Member, path string)) {
	k.read(object, path, true, unknown)
}

func (k Keys) read(object *Node, path string, nullIsAbsent bool, unknown func(m Member, path string)) {
	for _, m := range object.Members() {
		at := KeyPath(path, m.Key)
		switch i := slices.IndexFunc(k, func(key Key) bool { return key.Name == m.Key }); {
		case i < 0:
			unknown(m, at)
		case k[i].Read != nil && (m.Value.Kind != KindNull || !nullIsAbsent):
			k[i].Read(m.Value, at)
		}
	}
}

// KeyHint says which key an unknown one was probably meant to be, else which
// ones there are.
func KeyHint(key string, known []string) string {
	if k, ok := suggest.Nearest(key, known); ok {
		return "did you mean " + Quote(k) + "?"
	}
	return "known keys: " + strings.Join(known, ", ")
}

// OtherCase reports a member at path whose key differs from a known one in
// nothing but letter case, and whether it is one: other readers take it for that
// key, so it must not be ignored.
func (r *Report) OtherCase(m Member, path string, known []string) bool {
	i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, m.Key) })
	if i < 0 || known[i] == m.Key {
		return false
	}
	r.Add(m.KeyPos(), Error, path, codeKeyCase, "write it as "+Quote(known[i]),
		"the key %s is not %s: letter case counts", Quote(m.Key), Quote(known[i]))
	return true
}

// UnknownKey reports a member at path whose key is not in known.
func (r *Report) UnknownKey(m Member, path, code string, s Severity, known []string) {
	if r.OtherCase(m, path, known) {
		return
	}
	r.Add(m.KeyPos(), s, path, code, KeyHint(m.Key, known), "unknown key %s", Quote(m.Key))
}

// WrongKind reports that a value is not of the wanted kind. want is in words,
// such as "an array of strings"; hint says how to write it, and may be empty.
func (r *Report) WrongKind(n *Node, path, code, want, hint string) {
	r.Add(n.Pos(), Error, path, code, hint, "must be %s, not %s", want, WithArticle(n.Kind))
}

// WithArticle names a kind in a sentence: "an object", "null".
func WithArticle(k Kind) string {
	switch k {
	case KindNull:
		return "null"
	case KindObject, KindArray:
		return "an " + string(k)
	case KindString, KindNumber, KindBool:
	}
	return "a " + string(k)
}
