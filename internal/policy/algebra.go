package policy

import "strings"

// Covers reports whether every name that the pattern q matches is matched by
// p too. It is exact.
//
// A "*" of q may stand for anything, even for a byte that p does not contain,
// and only a "*" of p can match such a byte. So it is enough to match p against
// the text of q, where "*" is such a byte.
func Covers(p, q string) bool { return MatchPattern(p, q) }

// maxOverlapWork bounds the product of the lengths of two patterns that Overlap
// compares in full.
const maxOverlapWork = 1 << 20

// Overlap reports whether there is a name that both patterns match. It is
// exact, except for pairs of extraordinarily long patterns: for these it returns
// true unless their ends rule it out.
func Overlap(p, q string) bool {
	switch {
	case !strings.Contains(p, Wildcard):
		return MatchPattern(q, p)
	case !strings.Contains(q, Wildcard):
		return MatchPattern(p, q)
	case !endsAgree(p, q):
		return false
	case len(p)*len(q) > maxOverlapWork:
		return true
	}
	// reach[j]: what was read of p and q[:j] have a name in common.
	reach := make([]bool, len(q)+1)
	reach[0] = true
	spread(reach, q)
	for i := range len(p) {
		next := make([]bool, len(q)+1)
		for j := range next {
			switch {
			case p[i] == '*':
				next[j] = reach[j] || j > 0 && next[j-1]
			case j > 0 && q[j-1] == '*':
				next[j] = reach[j] || next[j-1]
			case j > 0:
				next[j] = reach[j-1] && p[i] == q[j-1]
			}
		}
		reach = next
	}
	return reach[len(q)]
}

// spread marks what q can reach before anything of the other pattern is read:
// its leading stars stand for nothing.
func spread(reach []bool, q string) {
	for j := 1; j < len(reach) && q[j-1] == '*'; j++ {
		reach[j] = true
	}
}

// endsAgree compares the literals before the first and after the last star,
// as far as both have them.
func endsAgree(p, q string) bool {
	head := func(s string) string { return s[:strings.Index(s, Wildcard)] }
	tail := func(s string) string { return s[strings.LastIndex(s, Wildcard)+1:] }
	ph, qh, pt, qt := head(p), head(q), tail(p), tail(q)
	return (strings.HasPrefix(ph, qh) || strings.HasPrefix(qh, ph)) &&
		(strings.HasSuffix(pt, qt) || strings.HasSuffix(qt, pt))
}

// MayReach reports whether the agent may use some server that the pattern
// matches. It looks at one rule of deny.servers at a time, so it is also true
// where only several of them together shut everything out.
func (a *Agent) MayReach(server string) bool {
	if covered(a.Deny.Servers, server) {
		return false
	}
	for _, r := range a.Allow.Servers {
		if Overlap(r.Pattern, server) && !covered(a.Deny.Servers, r.Pattern) {
			return true
		}
	}
	return false
}

// covered reports whether one of the rules covers the pattern.
func covered(rules []Rule, pattern string) bool {
	for i := range rules {
		if Covers(rules[i].Pattern, pattern) {
			return true
		}
	}
	return false
}
