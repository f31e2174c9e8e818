package rulesfile

import (
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

// CodeWidens tells of tools that a key with a wildcard allows besides the list of
// a server's own key.
const CodeWidens = "rules-wildcard-key-widens"

// widening tells of rules under a key such as "*" that add to what the own key of
// a server lists.
func (l *linter) widening(a *policy.Agent) {
	for _, wide := range a.Allow.Tools {
		if !strings.Contains(wide.Server.Pattern, policy.Wildcard) {
			continue
		}
		for _, own := range a.Allow.Tools {
			if own.Server.Pos == wide.Server.Pos || !l.covers(wide.Server.Pattern, own.Server.Pattern, policy.Covers) {
				continue
			}
			for _, r := range wide.Rules {
				if l.left <= 0 {
					return
				}
				if !l.listedIn(own.Rules, r.Pattern) {
					l.tell(r, jsondoc.Info, CodeWidens, "that is fine if it is meant: a key with \"*\" adds to the lists of all servers that it matches",
						"allows more of %s than the list under its own key", jsondoc.Quote(own.Server.Pattern))
				}
			}
		}
	}
}

// listedIn reports whether one of the rules covers a pattern.
func (l *linter) listedIn(rules []policy.Rule, pattern string) bool {
	return slices.ContainsFunc(rules, func(r policy.Rule) bool { return l.covers(r.Pattern, pattern, policy.Covers) })
}
