package policy

import "strings"

// CoversAllow reports whether an allow p of things of a kind allows all that an
// allow q of them does. What it says is certain; it may miss some.
func CoversAllow(k Kind, p, q string) bool {
	switch k {
	case Tools:
		return coversTool(p, q)
	case Resources: // What is refused is allowed by its bytes alone.
		return p == q || Covers(p, q) && (strings.Contains(q, Wildcard) || !RefusedURI(q))
	case Servers, Prompts:
	}
	return Covers(p, q)
}

// CoversDeny is the same for two denies.
func CoversDeny(k Kind, p, q string) bool {
	if k != Resources {
		return CoversAllow(k, p, q)
	}
	meant := MeaningOf(p)
	covers := func(q string) bool { return Covers(p, q) || Covers(meant, q) }
	if !strings.Contains(q, Wildcard) { // Whatever it matches has its meaning among its own.
		return p == q || covers(MeaningOf(q))
	}
	return p == q || covers(q) && covers(MeaningOf(q))
}

// DenyCovers reports whether a deny p denies all that an allow q allows.
func DenyCovers(k Kind, p, q string) bool {
	if k != Resources {
		return CoversAllow(k, p, q)
	}
	return Covers(p, q) || Covers(MeaningOf(p), q)
}

// coversTool is Covers where either may be an annotation. Of names, only "*" matches
// whatever has one.
func coversTool(p, q string) bool {
	if p == q || strings.Trim(p, Wildcard) == "" && p != "" {
		return true
	}
	return !IsAnnotation(p) && !IsAnnotation(q) && Covers(p, q)
}

// MayMatch reports whether there may be a thing of a kind that both an allow and
// some other pattern of names match. Whether it is false is certain.
func MayMatch(k Kind, allow, pattern string) bool {
	return k == Tools && IsAnnotation(allow) || Overlap(allow, pattern)
}
