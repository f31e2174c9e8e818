package policy

import "strings"

// Wildcard is the only wildcard of a pattern: any run of bytes, also none.
const Wildcard = "*"

// MatchPattern reports whether pattern matches the whole of name, byte for
// byte, "*" standing for any run of bytes. Any string is a valid pattern. The
// time is linear in the two lengths but for a factor of the number of "*" at
// worst; there is no backtracking.
func MatchPattern(pattern, name string) bool {
	if !strings.Contains(pattern, Wildcard) {
		return pattern == name
	}
	p, n := newPattern(pattern), newProbe(name)
	return n.mayMatch(&p.ends) && p.match(name)
}

// pattern is a pattern with at least one "*", split at the stars.
type pattern struct {
	ends           ends
	prefix, suffix string
	middle         []string // the literals between stars, none empty
	// minLen is the number of literal bytes: no shorter name can match.
	minLen int
	// short means that the ends are all there is to compare.
	short bool
}

// ends is up to eight bytes of the literals before the first and after the
// last star. Most patterns don't match most names, and comparing these tells
// so without touching the strings.
type ends struct{ head, headMask, tail, tailMask uint64 }

// probe is a name with its two ends, made once and matched many times.
type probe struct {
	name       string
	head, tail uint64
}

func newProbe(name string) probe {
	return probe{name: name, head: headBits(name), tail: tailBits(name)}
}

// mayMatch compares the ends. Shorter names count as filled up with zero
// bytes, so that a match must still be confirmed.
func (n *probe) mayMatch(e *ends) bool {
	return (n.head^e.head)&e.headMask|(n.tail^e.tail)&e.tailMask == 0
}

// newPattern splits a pattern that has at least one star.
func newPattern(text string) pattern {
	first, last := strings.Index(text, Wildcard), strings.LastIndex(text, Wildcard)
	p := pattern{prefix: text[:first], suffix: text[last+1:]}
	p.minLen = len(p.prefix) + len(p.suffix)
	for part := range strings.SplitSeq(text[first:last+1], Wildcard) {
		if part != "" {
			p.middle = append(p.middle, part)
			p.minLen += len(part)
		}
	}
	p.ends = ends{
		head: headBits(p.prefix), headMask: lowBytes(len(p.prefix)),
		tail: tailBits(p.suffix), tailMask: ^lowBytes(8 - len(p.suffix)),
	}
	p.short = len(p.prefix) <= 8 && len(p.suffix) <= 8 && len(p.middle) == 0
	return p
}

// match reports whether the pattern matches the whole name, given that
// mayMatch said yes. Each middle literal is taken at its first place after the
// one before: if any placement works, the leftmost does.
func (p *pattern) match(name string) bool {
	if p.short || len(name) < p.minLen {
		return len(name) >= p.minLen
	}
	if !strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return false
	}
	rest := name[len(p.prefix) : len(name)-len(p.suffix)]
	for _, part := range p.middle {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// headBits holds the first eight bytes of s, the first in the lowest byte,
// filled up with zeros.
func headBits(s string) uint64 {
	if len(s) >= 8 {
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	}
	var bits uint64
	for i := range len(s) {
		bits |= uint64(s[i]) << (8 * i)
	}
	return bits
}

// tailBits holds the last eight bytes of s, the last in the highest byte,
// filled up with zeros.
func tailBits(s string) uint64 {
	if len(s) >= 8 {
		return headBits(s[len(s)-8:])
	}
	return headBits(s) << (8 * (8 - len(s)))
}

// lowBytes is a mask of the n lowest bytes, n taken as 0 to 8.
func lowBytes(n int) uint64 {
	n = max(0, min(n, 8))
	return uint64(1)<<(8*n) - 1
}
