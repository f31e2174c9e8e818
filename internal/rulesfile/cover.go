package rulesfile

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// cover is a list of rules, ready to be asked which of them covers a pattern:
// one with a "*" may, and one without only its own name.
type cover struct {
	rules []policy.Rule
	exact map[string]int // the first of each text
	wide  []int          // the first of each text with a "*"
}

func newCover(rules []policy.Rule) cover {
	c := cover{rules: rules, exact: make(map[string]int, len(rules))}
	for i, r := range rules {
		if _, twice := c.exact[r.Pattern]; twice {
			continue
		}
		c.exact[r.Pattern] = i
		if strings.Contains(r.Pattern, policy.Wildcard) {
			c.wide = append(c.wide, i)
		}
	}
	return c
}

// covering reports whether one pattern covers another.
type covering func(p, q string) bool

// of makes one of patterns of a kind. What URIs mean takes some time to find out.
func (l *linter) of(k policy.Kind, covers func(k policy.Kind, p, q string) bool) covering {
	return func(p, q string) bool {
		if k == policy.Resources {
			l.left -= 10 + (len(p)+len(q))/8
		}
		return covers(k, p, q)
	}
}

// coveredBy finds a rule that matches all that the pattern matches.
func (l *linter) coveredBy(c cover, pattern string, how covering) (policy.Rule, bool) {
	if i, ok := c.exact[pattern]; ok {
		return c.rules[i], true
	}
	for _, i := range c.wide {
		if l.covers(c.rules[i].Pattern, pattern, how) {
			return c.rules[i], true
		}
	}
	return policy.Rule{}, false
}

// listCover is the same for rules by server: a key and a pattern.
type listCover struct {
	keys  []policy.ServerRules
	lists []cover
	index map[string]int // of each key
	wide  []int          // keys with a "*"
}

func newListCover(keys []policy.ServerRules) listCover {
	c := listCover{keys: keys, index: make(map[string]int, len(keys))}
	for i, k := range keys {
		c.lists = append(c.lists, newCover(k.Rules))
		if _, twice := c.index[k.Server.Pattern]; twice {
			continue
		}
		c.index[k.Server.Pattern] = i
		if strings.Contains(k.Server.Pattern, policy.Wildcard) {
			c.wide = append(c.wide, i)
		}
	}
	return c
}

// candidates are the keys that may cover a key, in file order.
func (c listCover) candidates(key string) []int {
	if own, ok := c.index[key]; ok && !slices.Contains(c.wide, own) {
		return slices.Sorted(slices.Values(append(slices.Clone(c.wide), own)))
	}
	return c.wide
}

// pair finds a rule that covers a pattern, for every server that the key matches.
func (l *linter) pair(c listCover, key, pattern string, how covering) (policy.Rule, bool) {
	for _, i := range c.candidates(key) {
		if !l.covers(c.keys[i].Server.Pattern, key, policy.Covers) {
			continue
		}
		if r, ok := l.coveredBy(c.lists[i], pattern, how); ok {
			return r, true
		}
	}
	return policy.Rule{}, false
}
