package jsondoc

import (
	"errors"
	"slices"

	"github.com/tailscale/hujson"
)

// Literal is a text or a number as it stands in a file: Text is what it means, and
// [From, To) where it is written, with its quotes.
type Literal struct {
	From, To int
	// Path are the keys that lead to it; Element stands for an element of an array. It
	// must not be changed.
	Path []string
	Text string
}

// Element stands in the Path of a Literal for an element of an array.
const Element = "[]"

// Literals returns all texts and numbers of a JSON file, also those that a later key of
// the same name overrides. Keys are not among them.
func Literals(src []byte) ([]Literal, error) {
	if len(src) == 0 {
		return nil, nil
	}
	e, err := newEditor(src)
	if err != nil {
		return nil, err
	}
	w := literals{shift: len(e.mark), src: src}
	w.value(&e.root, nil)
	if len(w.found) > 0 && w.found[len(w.found)-1].To > len(src) {
		return nil, errors.New("internal: a literal is outside of its file")
	}
	return w.found, nil
}

type literals struct {
	shift int
	src   []byte
	found []Literal
}

func (w *literals) value(v *hujson.Value, path []string) {
	switch x := v.Value.(type) {
	case *hujson.Object:
		for i := range x.Members {
			name, _ := x.Members[i].Name.Value.(hujson.Literal)
			w.value(&x.Members[i].Value, append(slices.Clip(path), literalText(name)))
		}
	case *hujson.Array:
		inner := append(slices.Clip(path), Element)
		for i := range x.Elements {
			w.value(&x.Elements[i], inner)
		}
	case hujson.Literal:
		if kind := literalKind(x); kind == KindString || kind == KindNumber {
			w.found = append(w.found, Literal{w.shift + v.StartOffset, w.shift + v.EndOffset, path, literalText(x)})
		}
	}
}
