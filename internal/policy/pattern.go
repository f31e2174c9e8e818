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
	p, n := newPattern(pattern, none), newProbe(name)
	return n.matches(&p)
}

// pattern is a pattern with at least one "*". It fills one line of the
// processor's cache, and most answers need no more of it than that.
type pattern struct {
	// Up to eight bytes of the literals before the first and after the last
	// star. Most patterns don't match most names, and comparing these tells so
	// without touching the strings.
	head, headMask, tail, tailMask uint64
	text                           string
	prefix, suffix                 int32 // lengths of those literals
	// minLen is the number of literal bytes: no shorter name can match.
	minLen int32
	ord    int32 // the rule
}

// probe is a name with its two ends, made once and matched many times.
type probe struct {
	name       string
	head, tail uint64
}

func newProbe(name string) probe {
	return probe{name: name, head: headBits(name), tail: tailBits(name)}
}

// newPattern prepares a pattern that has at least one star.
func newPattern(text string, ord int32) pattern {
	first, last := strings.Index(text, Wildcard), strings.LastIndex(text, Wildcard)
	prefix, suffix := text[:first], text[last+1:]
	//nolint:gosec // A rules file has at most 4 MiB.
	return pattern{
		head: headBits(prefix), headMask: lowBytes(len(prefix)),
		tail: tailBits(suffix), tailMask: ^lowBytes(8 - len(suffix)),
		text: text, prefix: int32(len(prefix)), suffix: int32(len(suffix)),
		minLen: int32(len(text) - strings.Count(text, Wildcard)), ord: ord,
	}
}

// matches reports whether the pattern matches the whole name. The ends are
// compared first; shorter names count as filled up with zero bytes there, so
// that a match must still be confirmed.
func (n *probe) matches(p *pattern) bool {
	return (n.head^p.head)&p.headMask|(n.tail^p.tail)&p.tailMask == 0 &&
		len(n.name) >= int(p.minLen) && (p.short() || p.confirm(n.name))
}

// short means that the ends are all there is to compare.
func (p *pattern) short() bool {
	return p.prefix <= 8 && p.suffix <= 8 && p.minLen == p.prefix+p.suffix
}

// confirm compares the whole of a name that is long enough. Each literal
// between two stars is taken at its first place after the one before: if any
// placement works, the leftmost does.
func (p *pattern) confirm(name string) bool {
	end := len(p.text) - int(p.suffix)
	if name[:p.prefix] != p.text[:p.prefix] || name[len(name)-int(p.suffix):] != p.text[end:] {
		return false
	}
	if p.minLen == p.prefix+p.suffix {
		return true
	}
	rest := name[p.prefix : len(name)-int(p.suffix)]
	for part := range strings.SplitSeq(p.text[p.prefix:end], Wildcard) {
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
	switch n := len(s); {
	case n >= 8:
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	case n >= 4: // Two halves, which may overlap.
		return four(s) | four(s[n-4:])<<(8*(n-4))
	default:
		var bits uint64
		for i := range n {
			bits |= uint64(s[i]) << (8 * i)
		}
		return bits
	}
}

// four holds the first four bytes of s, the first in the lowest byte.
func four(s string) uint64 {
	return uint64(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24)
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
