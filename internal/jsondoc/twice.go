package jsondoc

import (
	"bytes"

	"github.com/tailscale/hujson"
)

// Twice returns the first key on a path that its object has more than once, and the line
// of the second one; 0 if there is none. Set and Remove change the first of both, while
// most readers take the last.
func Twice(src []byte, path []string) (key string, line int) {
	e, err := newEditor(src)
	if err != nil {
		return "", 0
	}
	at := &e.root
	for _, name := range path {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			return "", 0
		}
		first := indexOf(object, name)
		if first < 0 {
			return "", 0
		}
		rest := &hujson.Object{Members: object.Members[first+1:]}
		if second := indexOf(rest, name); second >= 0 {
			return name, 1 + bytes.Count(e.text[:rest.Members[second].Name.StartOffset], []byte("\n"))
		}
		at = &object.Members[first].Value
	}
	return "", 0
}
