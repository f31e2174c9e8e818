package clients

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"gatehouse/internal/jsondoc"
)

// The bounds of a file of XML. The library reads no DTD and knows the five entities of
// XML alone, so nothing grows beyond what is written.
const (
	maxXMLNesting  = 64
	maxXMLElements = 500_000
)

var errXMLTooLarge = errors.New("too deep, or too many elements")

// element is an element of XML. Text between elements is not kept.
type element struct {
	name     string
	attrs    []xml.Attr
	children []*element
	offset   int // where it begins
}

// attr is the value of an attribute; empty if there is none.
func (e *element) attr(name string) string {
	i := slices.IndexFunc(e.attrs, func(a xml.Attr) bool { return a.Name.Local == name })
	if i < 0 {
		return ""
	}
	return e.attrs[i].Value
}

// all are the elements with a name below this one, at any depth, in order.
func (e *element) all(name string) (found []*element) {
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

// readXML reads the elements of a text, below one without a name. With an error comes
// where it is.
func readXML(text jsondoc.Text) (root *element, at int, err error) {
	d := xml.NewDecoder(bytes.NewReader(text.Bytes))
	open, left := []*element{{}}, maxXMLElements
	for {
		at = int(d.InputOffset())
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return open[0], at, nil // The decoder has checked that all are closed.
		case err != nil:
			return nil, at, fmt.Errorf("not well-formed: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if left--; left < 0 || len(open) > maxXMLNesting {
				return nil, at, errXMLTooLarge
			}
			e := &element{name: t.Name.Local, attrs: t.Attr, offset: at}
			outer := open[len(open)-1]
			outer.children = append(outer.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}
