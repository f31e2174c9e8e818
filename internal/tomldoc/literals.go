package tomldoc

import (
	"slices"

	"github.com/pelletier/go-toml/v2/unstable"

	"gatehouse/internal/jsondoc"
)

// Literals returns all texts and numbers of a TOML file, and dates and times as texts.
func Literals(src []byte) ([]jsondoc.Literal, error) {
	if !valid(src) {
		return nil, errNotTOML
	}
	text, ok := jsondoc.ReadForeignText(jsondoc.NewReport(""), src)
	if !ok {
		return nil, errNotTOML
	}
	w := literals{shift: len(src) - len(text.Bytes)}
	w.parser.Reset(text.Bytes)
	var table []string
	for w.parser.NextExpression() {
		n := w.parser.Expression()
		if n.Kind == unstable.KeyValue {
			w.keyValue(n, table)
		} else if keys := keysOf(n); len(keys) > 0 {
			table = keys
		}
	}
	return w.found, nil
}

type literals struct {
	parser unstable.Parser
	shift  int
	found  []jsondoc.Literal
}

func keysOf(n *unstable.Node) (keys []string) {
	for it := n.Key(); it.Next(); {
		keys = append(keys, string(it.Node().Data))
	}
	return keys
}

func (w *literals) keyValue(n *unstable.Node, in []string) {
	w.value(n.Value(), slices.Concat(in, keysOf(n)))
}

func (w *literals) value(n *unstable.Node, path []string) {
	switch n.Kind { //nolint:exhaustive // All others are literals.
	case unstable.Array:
		inner := append(slices.Clip(path), jsondoc.Element)
		for it := n.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				w.value(it.Node(), inner)
			}
		}
	case unstable.InlineTable:
		for it := n.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				w.keyValue(it.Node(), path)
			}
		}
	case unstable.Bool:
	default:
		at := n.Raw
		if at.Length == 0 && len(n.Data) > 0 {
			at = w.parser.Range(n.Data)
		}
		from := w.shift + int(at.Offset)
		w.found = append(w.found, jsondoc.Literal{From: from, To: from + int(at.Length), Path: path, Text: string(n.Data)})
	}
}
