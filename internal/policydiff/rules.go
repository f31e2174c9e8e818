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
	// List is where it stands: allow.servers, deny.servers, the same with tools,
	// resources or prompts, or expose.
	List string `json:"list"`
	// Key is the server pattern of a rule under a key. A rule without one is about
	// servers.
	Key string `json:"key,omitempty"`
	// One of these is what the rule lists; a key itself has none.
	Tool     string         `json:"tool,omitempty"`
	Resource string         `json:"resource,omitempty"`
	Prompt   string         `json:"prompt,omitempty"`
	Rule     policy.RuleRef `json:"rule"`
	// MayWiden means that the change could open something for a name that
	// nobody has listed. Why says what.
	MayWiden bool   `json:"may_widen"`
	Why      string `json:"why,omitempty"`
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
	if e.list == allowServers || e.list == denyServers {
		return change
	}
	change.Key = e.key
	switch e.kind {
	case policy.Resources:
		change.Resource = e.name
	case policy.Prompts:
		change.Prompt = e.name
	case policy.Servers, policy.Tools:
		change.Tool = e.name
	}
	return change
}

// widensWithout returns what the loss of a rule could open under the new rules,
// "" if nothing. Rules of written-out names alone are asked for by name, so
// that their effect is known.
func widensWithout(e entry, now *policy.Agent) string {
	if now == nil || e.list == exposed || !now.MayReach(e.key) {
		return ""
	}
	switch {
	case e.list == denyServers:
		if exact(e.key) {
			return ""
		}
		return "servers that it denied may be allowed now"
	case e.denies && e.name != "":
		if e.asked() || pairCovered(now.Deny.Of(e.kind), e, policy.CoversDeny) {
			return ""
		}
		return e.kind.Plural() + " that it denied may be allowed now"
	case !e.denies && e.kind != policy.Servers && e.name == "":
		if keyCovered(now.Allow.Tools, e.key) || keyCovered(now.Allow.Of(e.kind), e.key) {
			return ""
		}
		return "without this key all " + e.kind.Plural() + " of a server that it matches may be granted"
	}
	return ""
}

// widensWith returns what a new rule could open, "" if nothing.
func widensWith(e entry, old, now *policy.Agent) string {
	if e.list == exposed || e.denies || !now.MayReach(e.key) {
		return ""
	}
	switch {
	case e.list == allowServers:
		if exact(e.key) || old != nil && coveredBy(old.Allow.Servers, e.key, policy.Covers) {
			return ""
		}
		return "servers that it matches may be used now"
	case e.name != "":
		if e.asked() || pairCovered(now.Deny.Of(e.kind), e, policy.DenyCovers) || old != nil && e.wasAllowed(old) {
			return ""
		}
		return e.kind.Plural() + " that it matches may be used now"
	}
	return ""
}

// asked reports whether a rule is asked for by name, so that all of its effect is in
// the answers. A deny of a URI has an effect on its other spellings.
func (e entry) asked() bool {
	switch {
	case e.kind == policy.Tools && policy.IsAnnotation(e.name), e.kind == policy.Resources && e.denies:
		return false
	}
	return exact(e.key) && exact(e.name)
}

// wasAllowed reports whether the old rules allowed what a new one allows, unless
// they denied it: by a rule, or because the servers were given whole.
func (e entry) wasAllowed(old *policy.Agent) bool {
	if pairCovered(old.Allow.Of(e.kind), e, policy.CoversAllow) {
		return true
	}
	whole := !keyOverlaps(old.Allow.Tools, e.key) && !keyOverlaps(old.Allow.Of(e.kind), e.key)
	climbs := e.kind == policy.Resources && exact(e.name) && policy.RefusedURI(e.name)
	return whole && !climbs
}

func exact(pattern string) bool { return !strings.Contains(pattern, policy.Wildcard) }

func coveredBy(rules []policy.Rule, pattern string, covers func(p, q string) bool) bool {
	return slices.ContainsFunc(rules, func(r policy.Rule) bool { return covers(r.Pattern, pattern) })
}

// pairCovered reports whether one rule under a key covers e.
func pairCovered(keys []policy.ServerRules, e entry, covers func(k policy.Kind, p, q string) bool) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool {
		return policy.Covers(k.Server.Pattern, e.key) &&
			coveredBy(k.Rules, e.name, func(p, q string) bool { return covers(e.kind, p, q) })
	})
}

func keyCovered(keys []policy.ServerRules, key string) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool { return policy.Covers(k.Server.Pattern, key) })
}

func keyOverlaps(keys []policy.ServerRules, key string) bool {
	return slices.ContainsFunc(keys, func(k policy.ServerRules) bool { return policy.Overlap(k.Server.Pattern, key) })
}
