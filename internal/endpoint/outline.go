package endpoint

import (
	"bytes"

	"gatehouse/internal/rawjson"
)

// Outline says where in a tool result, a JSON object, the members are that the
// gateway looks at. If a name occurs more than once, the last one counts.
type Outline struct {
	IsError, Content, Structured, ResultType, Meta Span
	// Empty says that the result has no members.
	Empty bool
	// Posing says that a _meta, wherever it stands, has or may have members that
	// only the gateway may set.
	Posing bool
	// Known is false for the zero Outline, which says nothing.
	Known bool
}

// Span is the range of a value in the bytes around it. The zero Span is that of
// none.
type Span struct{ Start, End int }

// Of returns the value in a result; nil for none.
func (s Span) Of(result []byte) []byte {
	if s == (Span{}) {
		return nil
	}
	return result[s.Start:s.End]
}

// OutlineOf looks through a result, which must be valid JSON, and not into its
// members: that it does not pose is for the caller to know.
func OutlineOf(result []byte) Outline {
	o := Outline{Empty: true, Known: true}
	rawjson.Each(result, func(key []byte, start, end int) { o.note(key, Span{start, end}) })
	return o
}

// ReadOutline checks the object that begins at i as [rawjson.Object] does and
// makes its outline on the way. The outline is not known if a key has escapes.
func ReadOutline(b []byte, i, depth int) (o Outline, end int) {
	start := i
	o = Outline{Empty: true, Known: true}
	end = rawjson.Object(b, i, depth, func(key []byte, i int) int {
		end := o.member(b, key, i, depth+1)
		o.note(key[1:len(key)-1], Span{i - start, end - start})
		o.Known = o.Known && bytes.IndexByte(key, '\\') < 0
		return end
	})
	return o, end
}

func (o *Outline) note(key []byte, at Span) {
	o.Empty = false
	switch string(key) {
	case "isError":
		o.IsError = at
	case "content":
		o.Content = at
	case "structuredContent":
		o.Structured = at
	case "resultType":
		o.ResultType = at
	case "_meta":
		o.Posing = o.Posing || o.Meta != (Span{})
		o.Meta = at
	}
}

// member checks the value of a member of the result and returns the index behind
// it.
func (o *Outline) member(b, key []byte, i, depth int) int {
	name := key[1 : len(key)-1]
	if string(name) == "structuredContent" {
		return rawjson.Skip(b, i, depth)
	}
	return o.look(b, i, depth, isMeta(name))
}

// look checks the value at i and returns the index behind it. It sees members
// that [WithoutOwnMeta] would take out, and takes a name with escapes for one.
func (o *Outline) look(b []byte, i, depth int, inMeta bool) int {
	switch {
	case i >= len(b):
		return -1
	case b[i] == '[':
		return rawjson.Array(b, i, depth, func(i int) int { return o.look(b, i, depth+1, false) })
	case b[i] != '{':
		return rawjson.Skip(b, i, depth)
	}
	return rawjson.Object(b, i, depth, func(key []byte, i int) int {
		name := key[1 : len(key)-1]
		o.Posing = o.Posing || bytes.IndexByte(name, '\\') >= 0 || inMeta && isOwn(name)
		if !inMeta && string(name) == "structuredContent" {
			return rawjson.Skip(b, i, depth+1)
		}
		return o.look(b, i, depth+1, !inMeta && isMeta(name))
	})
}
