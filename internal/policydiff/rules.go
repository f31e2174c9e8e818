package policydiff

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// Change is what became of a rule.
type Change string

// The changes.
const (
	Added   Change = "added"
	Removed Change = "removed"
)

// RuleChange is a rule that only one side has: the same list of the same agent
// lacks its pattern on the other. A rule that was only moved is not a change.
type RuleChange struct {
	Agent  string `json:"agent"`
	Change Change `json:"change"`
	// List is where it stands: allow.servers, deny.servers, allow.tools or
	// deny.tools.
	List string `json:"list"`
	// Key is the server pattern of a rule for tools. A rule with neither Tool
	// nor Key is about servers.
	Key string `json:"key,omitempty"`
	// Tool is "" for a key itself.
	Tool string         `json:"tool,omitempty"`
	Rule policy.RuleRef `json:"rule"`
	// MayWiden means that the change could open something for a name that
	// nobody has listed. Why says what.
	MayWiden bool   `json:"may_widen"`
	Why      string `json:"why,omitempty"`
}

const (
	allowServers = "allow.servers"
	denyServers  = "deny.servers"
	allowTools   = "allow.tools"
	denyTools    = "deny.tools"
)

// entry is one rule in its list.
type entry struct{ list, key, tool string }

// entries lists the rules of an agent, each key of tools before its tools.
func entries(a *policy.Agent) (list []entry, rules map[entry]policy.Rule) {
	rules = map[entry]policy.Rule{}
	if a == nil {
		return nil, rules
	}
	add := func(e entry, r policy.Rule) {
		if _, twice := rules[e]; !twice {
			list, rules[e] = append(list, e), r
		}
	}
	for name, servers := range map[string][]policy.Rule{allowServers: a.Allow.Servers, denyServers: a.Deny.Servers} {
		for _, r := range servers {
			add(entry{list: name, key: r.Pattern}, r)
		}
	}
	for name, tools := range map[string][]policy.ServerRules{allowTools: a.Allow.Tools, denyTools: a.Deny.Tools} {
		for _, t := range tools {
			add(entry{list: name, key: t.Server.Pattern}, t.Server)
			for _, r := range t.Rules {
				add(entry{list: name, key: t.Server.Pattern, tool: r.Pattern}, r)
			}
		}
	}
	slices.SortStableFunc(list, func(x, y entry) int { return byPlace(rules[x], rules[y], x, y) })
	return list, rules
}

// byPlace orders rules by their place, and those without one by what they say.
func byPlace(a, b policy.Rule, x, y entry) int {
	if c := a.Pos.Line - b.Pos.Line; c != 0 {
		return c
	}
	if c := a.Pos.Column - b.Pos.Column; c != 0 {
		return c
	}
	return strings.Compare(x.list+"\x00"+x.key+"\x00"+x.tool, y.list+"\x00"+y.key+"\x00"+y.tool)
}

// ruleChanges compares the rules that apply to one caller. For a caller who
// has borrowed rules on both sides only what could widen is of interest: the
// rest is said where they belong.
func ruleChanges(id string, was, is caller) []RuleChange {
	oldList, oldRules := entries(was.own)
	newList, newRules := entries(is.own)
	var changes []RuleChange
	note := func(c Change, e entry, r policy.Rule, why string) {
		if was.borrowed && is.borrowed && why == "" {
			return
		}
		changes = append(changes, newChange(id, c, e, r, why))
	}
	for _, e := range oldList {
		if _, kept := newRules[e]; !kept {
			note(Removed, e, oldRules[e], widensWithout(e, is.own))
		}
	}
	for _, e := range newList {
		if _, had := oldRules[e]; !had {
			note(Added, e, newRules[e], widensWith(e, was.own, is.own))
		}
	}
	return changes
}

func newChange(id string, c Change, e entry, r policy.Rule, why string) RuleChange {
	change := RuleChange{Agent: id, Change: c, List: e.list, Rule: r.Ref(), MayWiden: why != "", Why: why}
	if e.list == allowTools || e.list == denyTools {
		change.Key, change.Tool = e.key, e.tool
	}
	return change
}

// widensWithout returns what the loss of a rule could open under the new rules,
// "" if nothing. Rules of written-out names alone are asked for by name, so
// that their effect is known.
func widensWithout(e entry, now *policy.Agent) string {
	if now == nil {
		return ""
	}
	switch {
	case e.list == denyServers:
		if exact(e.key) || !now.MayReach(e.key) {
			return ""
		}
		return "servers that it denied may be allowed now"
	case e.list == denyTools && e.tool != "":
		if exact(e.key) && exact(e.tool) || !now.MayReach(e.key) || pairCovered(now.Deny.Tools, e) {
			return ""
		}
		return "tools that it denied may be allowed now"
	case e.list == allowTools && e.tool == "":
		if !now.MayReach(e.key) || keyCovered(now.Allow.Tools, e.key) {
			return ""
		}
		return "without this key all tools of a server that it matches may be granted"
	}
	return ""
}

// widensWith returns what a new rule could open, "" if nothing.
func widensWith(e entry, old, now *policy.Agent) string {
	switch {
	case e.list == allowServers:
		if exact(e.key) || !now.MayReach(e.key) || old != nil && coveredBy(old.Allow.Servers, e.key) {
			return ""
		}
		return "servers that it matches may be used now"
	case e.list == allowTools && e.tool != "":
		if exact(e.key) && exact(e.tool) || !now.MayReach(e.key) || pairCovered(now.Deny.Tools, e) {
			return ""
		}
		if old != nil && (pairCovered(old.Allow.Tools, e) || !keyOverlaps(old.Allow.Tools, e.key)) {
			return ""
		}
		return "tools that it matches may be used now"
	}
	return ""
}

func exact(pattern string) bool { return !strings.Contains(pattern, policy.Wildcard) }

func coveredBy(rules []policy.Rule, pattern string) bool {
	return slices.ContainsFunc(rules, func(r policy.Rule) bool { return policy.Covers(r.Pattern, pattern) })
}

// pairCovered reports whether one rule for tools matches all that e matches.
func pairCovered(keys []policy.ServerRules, e entry) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool {
		return policy.Covers(k.Server.Pattern, e.key) && coveredBy(k.Rules, e.tool)
	})
}

func keyCovered(keys []policy.ServerRules, key string) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool { return policy.Covers(k.Server.Pattern, key) })
}

func keyOverlaps(keys []policy.ServerRules, key string) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool { return policy.Overlap(k.Server.Pattern, key) })
}
