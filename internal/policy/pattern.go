package policy

import "strings"

// Wildcard is the only wildcard of a pattern: any run of bytes, even an empty one.
const Wildcard = "*"

// MatchPattern reports whether pattern matches the whole of name, byte for
// byte, with "*" standing for any run of bytes. Any string is a valid pattern.
// It does not backtrack: the time is at worst linear in the two lengths times
// the number of "*".
func MatchPattern(pattern, name string) bool {
	if !strings.Contains(pattern, Wildcard) {
		return pattern == name
	}
	p := newPattern(pattern, none)
	return p.matches(name)
}

// pattern is a pattern with at least one "*".
type pattern struct {
	prefix, suffix string // the literals before the first and after the last star
	middle         string // what stands between the two, empty if they are one
	literals       int    // how many bytes are literals: no shorter name can match
	ord            int32  // the rule
}

// newPattern prepares a pattern that has at least one star.
func newPattern(text string, ord int32) pattern {
	first, last := strings.Index(text, Wildcard), strings.LastIndex(text, Wildcard)
	p := pattern{prefix: text[:first], suffix: text[last+1:], ord: ord}
	if first < last {
		p.middle = text[first+1 : last]
	}
	p.literals = len(text) - strings.Count(text, Wildcard)
	return p
}

// matches reports whether the pattern matches the whole name. Each literal
// between two stars is taken at its first place after the one before: if any
// placement works, the leftmost does.
func (p *pattern) matches(name string) bool {
	if len(name) < p.literals || !strings.HasPrefix(name, p.prefix) || !strings.HasSuffix(name, p.suffix) {
		return false
	}
	if p.middle == "" {
		return true
	}
	rest := name[len(p.prefix) : len(name)-len(p.suffix)]
	for part := range strings.SplitSeq(p.middle, Wildcard) {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return true
}

// list is patterns with a star, in file order.
type list []pattern

// add takes a pattern if it has a star, and reports whether it has.
func (l *list) add(text string, ord int32) bool {
	if !strings.Contains(text, Wildcard) {
		return false
	}
	*l = append(*l, newPattern(text, ord))
	return true
}

// first returns the first rule that matches, or none.
func (l list) first(name string) int32 {
	for i := range l {
		if l[i].matches(name) {
			return l[i].ord
		}
	}
	return none
}

// all returns every rule that matches, in file order.
func (l list) all(name string) []int32 {
	var ords []int32
	for i := range l {
		if l[i].matches(name) {
			ords = append(ords, l[i].ord)
		}
	}
	return ords
}
