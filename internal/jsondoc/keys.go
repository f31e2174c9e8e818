package jsondoc

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

// KeyHint says which key an unknown one was probably meant to be, else which
// ones there are.
func KeyHint(key string, known []string) string {
	if k, ok := suggest.Nearest(key, known); ok {
		return "did you mean " + Quote(k) + "?"
	}
	return "known keys: " + strings.Join(known, ", ")
}

// UnknownKeys reports every member of object whose key is not in known.
func (r *Report) UnknownKeys(object *Node, path, code string, s Severity, known []string) {
	for _, m := range object.Members() {
		if !slices.Contains(known, m.Key) {
			r.UnknownKey(m.KeyPos(), KeyPath(path, m.Key), m.Key, code, s, known)
		}
	}
}

// UnknownKey reports one key that is not in known.
func (r *Report) UnknownKey(pos policy.Position, path, key, code string, s Severity, known []string) {
	r.Add(pos, s, path, code, KeyHint(key, known), "unknown key %s", Quote(key))
}

// WrongKind reports that a value is not of the wanted kind. want is in words,
// such as "an array of strings".
func (r *Report) WrongKind(n *Node, path, code, want string) {
	r.Add(n.Pos(), Error, path, code, "", "must be %s, not %s", want, WithArticle(n.Kind))
}

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
