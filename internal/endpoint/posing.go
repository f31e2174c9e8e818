package endpoint

import (
	"bytes"

	"gatehouse/internal/rawjson"
)

// The members of _meta that are the gateway's begin with OwnMeta. MetaOrigin
// says whose words a result is: "server" or "gateway".
const (
	ownHost    = "io.gatehouse"
	OwnMeta    = ownHost + "/"
	MetaOrigin = OwnMeta + "origin"
)

// isOwn reports whether a member of a _meta is the gateway's. Letter case plays
// no part: clients in Go read "IO.Gatehouse/origin" as MetaOrigin.
func isOwn(name []byte) bool {
	host, _, ok := bytes.Cut(name, []byte{'/'})
	return ok && bytes.EqualFold(host, []byte(ownHost))
}

// isMeta reports whether a member is a _meta to some client.
func isMeta(name []byte) bool { return bytes.EqualFold(name, []byte("_meta")) }

// WithoutOwnMeta returns what a server says without the members that only the
// gateway may set: those of every _meta whose names begin with OwnMeta, however
// both are spelled, and of several _meta at the top all but the last. What is
// inside structuredContent is the tool's own. The value must be valid JSON; it is
// returned itself if nothing is taken out.
func WithoutOwnMeta(value []byte) []byte {
	if repeatsMeta(value) {
		value = withOneMeta(value)
	}
	s := stripper{b: value, cap: cap(value)}
	s.value(rawjson.Space(value, 0), 0, inside)
	return s.rest()
}

// WithoutOwnNames is WithoutOwnMeta for the members of every object.
func WithoutOwnNames(value []byte) []byte {
	s := stripper{b: value, cap: cap(value)}
	s.value(rawjson.Space(value, 0), 0, suspect)
	return s.rest()
}

// repeatsMeta reports whether an object has more than one _meta.
func repeatsMeta(object []byte) bool {
	n := 0
	rawjson.Each(object, func(key []byte, _, _ int) {
		if string(key) == "_meta" {
			n++
		}
	})
	return n > 1
}

// withOneMeta returns an object whose only _meta, behind all else, is the last
// one.
func withOneMeta(object []byte) []byte {
	meta := rawjson.Get(object, "_meta")
	return rawjson.Set(rawjson.Delete(object, "_meta"), "_meta", meta)
}

// place is where a value stands, as far as that matters here.
type place int

const (
	inside  place = iota // somewhere in what a server says
	inMeta               // it is a _meta
	suspect              // somewhere in a value without a place for such members
)

// stripper finds what is to be taken out of a value.
type stripper struct {
	b    []byte
	cap  int // of b: tells where in it a part of it begins
	cuts []Span
}

// value looks through the value at i and returns the index behind it, or -1.
func (s *stripper) value(i, depth int, where place) int {
	if i >= len(s.b) {
		return -1
	}
	switch s.b[i] {
	case '{':
		return s.object(i, depth, where)
	case '[':
		return rawjson.Array(s.b, i, depth, func(i int) int { return s.value(i, depth+1, where.below(nil)) })
	default:
		return rawjson.Skip(s.b, i, depth)
	}
}

// object looks through an object. A run of members that are taken out goes with
// the comma behind it, at the end of the object with the one before it.
func (s *stripper) object(i, depth int, where place) int {
	kept, run, end := i+1, -1, -1 // Behind the last member that stays; where a run of others begins and ends.
	behind := rawjson.Object(s.b, i, depth, func(key []byte, i int) int {
		start, name := s.cap-cap(key), key[1:len(key)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name = []byte(rawjson.Name(key))
		}
		var next int
		switch {
		case where != inside && isOwn(name):
			if run < 0 {
				run = start
			}
			next = rawjson.Skip(s.b, i, depth+1)
			end = next
			return next
		case run >= 0:
			s.cuts = append(s.cuts, Span{run, start})
			run = -1
		}
		if where == inside && string(name) == "structuredContent" {
			next = rawjson.Skip(s.b, i, depth+1)
		} else {
			next = s.value(i, depth+1, where.below(name))
		}
		kept = next
		return next
	})
	if run >= 0 && behind >= 0 {
		s.cuts = append(s.cuts, Span{kept, end})
	}
	return behind
}

// below is where the value of a member stands; nil is an element of an array.
func (p place) below(name []byte) place {
	switch {
	case p == suspect:
		return suspect
	case p == inside && isMeta(name):
		return inMeta
	default:
		return inside
	}
}

// rest is the value without what was found.
func (s *stripper) rest() []byte {
	if s.cuts == nil {
		return s.b
	}
	var out bytes.Buffer
	at := 0
	for _, cut := range s.cuts {
		out.Write(s.b[at:cut.Start])
		at = cut.End
	}
	out.Write(s.b[at:])
	return out.Bytes()
}
