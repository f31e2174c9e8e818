package policy

import (
	"bytes"
	"strings"
)

// list is a list of patterns with a star, in two parts: those that begin with
// a literal byte, by which most of them can be told from a name, and those
// that begin with the star.
type list struct{ anchored, free bucket }

// bucket is patterns in file order. What a scan looks at first stands close
// together and apart from the rest.
type bucket struct {
	firsts   []byte // the first byte of each pattern; unused if it is a star
	ends     []ends
	patterns []pattern
	ords     []int32
}

// add takes a pattern if it has a star, and reports whether it has.
func (l *list) add(text string, ord int32) bool {
	if !strings.Contains(text, Wildcard) {
		return false
	}
	p, b := newPattern(text), &l.free
	if p.prefix != "" {
		b = &l.anchored
	}
	b.firsts = append(b.firsts, text[0])
	b.ends = append(b.ends, p.ends)
	b.patterns = append(b.patterns, p)
	b.ords = append(b.ords, ord)
	return true
}

// first gives the first rule in file order that matches, or none.
func (l *list) first(n *probe) int32 {
	best := none
	if i := l.anchored.nextAnchored(n, 0); i >= 0 {
		best = l.anchored.ords[i]
	}
	if i := l.free.next(n, 0); i >= 0 {
		best = earlier(best, l.free.ords[i])
	}
	return best
}

// all gives every rule that matches, in no order.
func (l *list) all(n *probe) []int32 {
	var ords []int32
	for _, b := range []*bucket{&l.anchored, &l.free} {
		for i := b.next(n, 0); i >= 0; i = b.next(n, i+1) {
			ords = append(ords, b.ords[i])
		}
	}
	return ords
}

// next gives the index of the first pattern from index i on that matches, or
// -1.
func (b *bucket) next(n *probe, i int) int {
	for ; i < len(b.ends); i++ {
		if b.matches(i, n) {
			return i
		}
	}
	return -1
}

// nextAnchored is next for patterns that begin with a literal byte.
func (b *bucket) nextAnchored(n *probe, i int) int {
	if n.name == "" {
		return -1
	}
	for i < len(b.firsts) {
		skip := bytes.IndexByte(b.firsts[i:], n.name[0])
		if skip < 0 {
			return -1
		}
		if i += skip; b.matches(i, n) {
			return i
		}
		i++
	}
	return -1
}

func (b *bucket) matches(i int, n *probe) bool {
	return n.mayMatch(&b.ends[i]) && b.patterns[i].match(n.name)
}
