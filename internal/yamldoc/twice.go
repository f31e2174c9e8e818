package yamldoc

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// Twice returns the key at the top, or the name of an entry of its value, if it is there
// more than once, and the line of the second one; 0 if neither is. Set and Remove change
// the first of both.
func Twice(src []byte, key, name string, listed bool) (what string, line int) {
	var root yaml.Node
	if doc, _ := Parse("", src); doc == nil || yaml.Unmarshal(src, &root) != nil || len(root.Content) == 0 {
		return "", 0
	}
	var lines []int
	for i, n := range root.Content[0].Content {
		if i%2 == 0 && n.Value == key {
			lines = append(lines, n.Line)
		}
	}
	if len(lines) > 1 {
		return key, lines[1]
	}
	b, err := find(src, key, listed)
	if err != nil {
		return "", 0
	}
	named := slices.DeleteFunc(slices.Clone(b.items), func(i item) bool { return i.name != name })
	if len(named) > 1 {
		return name, named[1].line + 1
	}
	return "", 0
}
