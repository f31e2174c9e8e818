package policy

import (
	"math/bits"
	"strings"
)

// list is a list of patterns with a star, in two parts: those that begin with
// a literal byte, by which most of them can be told from a name, and those
// that begin with the star.
type list struct{ anchored, free bucket }

// bucket is patterns in file order.
type bucket struct {
	firsts   []uint64 // the first byte of each pattern, eight in each, filled up with zeros
	patterns []pattern
}

// add takes a pattern if it has a star, and reports whether it has.
func (l *list) add(text string, ord int32) bool {
	if !strings.Contains(text, Wildcard) {
		return false
	}
	b := &l.anchored
	if text[:1] == Wildcard {
		b = &l.free
	}
	b.add(newPattern(text, ord))
	return true
}

func (b *bucket) add(p pattern) {
	i := len(b.patterns)
	if i%8 == 0 {
		b.firsts = append(b.firsts, 0)
	}
	b.firsts[i/8] |= uint64(p.text[0]) << (8 * (i % 8))
	b.patterns = append(b.patterns, p)
}

// first gives the first rule in file order that matches, or none.
func (l *list) first(n *probe) int32 {
	best := none
	if len(l.anchored.patterns) > 0 {
		best = l.anchored.firstAnchored(n)
	}
	if len(l.free.patterns) > 0 {
		best = earlier(best, l.free.first(n))
	}
	return best
}

// all gives every rule that matches, in no order.
func (l *list) all(n *probe) []int32 {
	var ords []int32
	for _, b := range []*bucket{&l.anchored, &l.free} {
		for i := range b.patterns {
			if p := &b.patterns[i]; n.matches(p) {
				ords = append(ords, p.ord)
			}
		}
	}
	return ords
}

func (b *bucket) first(n *probe) int32 {
	for i := range b.patterns {
		if p := &b.patterns[i]; n.matches(p) {
			return p.ord
		}
	}
	return none
}

// firstAnchored is first for patterns that begin with a literal byte. Eight
// first bytes are compared at a time: a byte of diff is zero where they are
// equal, and the highest bit of a byte of hits is set there (and at times in
// bytes above, which does no harm: each hit is looked at).
func (b *bucket) firstAnchored(n *probe) int32 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	wanted := n.head & 0xff * ones
	for w, word := range b.firsts {
		diff := word ^ wanted
		for hits := (diff - ones) &^ diff & highs; hits != 0; hits &= hits - 1 {
			i := w*8 + bits.TrailingZeros64(hits)/8
			if i >= len(b.patterns) {
				break
			}
			if p := &b.patterns[i]; n.matches(p) {
				return p.ord
			}
		}
	}
	return none
}
