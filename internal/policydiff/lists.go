package policydiff

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// The lists of servers, and of what is exposed. The others are called by their place
// and kind, such as allow.tools.
const (
	allowServers = "allow.servers"
	denyServers  = "deny.servers"
	exposed      = "expose"
)

// entry is one rule in its list. One with a name stands under a key.
type entry struct {
	list, key, name string

	kind   policy.Kind // Servers for the lists of servers and for what is exposed
	denies bool
}

// listOf is the name of the list of a kind.
func listOf(kind policy.Kind, denies bool) string {
	if denies {
		return "deny." + kind.Plural()
	}
	return "allow." + kind.Plural()
}

// entries lists the rules of an agent, each key before what is listed under it.
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
	keyed := func(e entry, keys []policy.ServerRules) {
		for _, t := range keys {
			e.key, e.name = t.Server.Pattern, ""
			add(e, t.Server)
			for _, r := range t.Rules {
				e.name = r.Pattern
				add(e, r)
			}
		}
	}
	for _, denies := range []bool{false, true} {
		access := &a.Allow
		if denies {
			access = &a.Deny
		}
		for _, r := range access.Servers {
			add(entry{list: listOf(policy.Servers, denies), key: r.Pattern, denies: denies}, r)
		}
		for _, kind := range policy.Listed {
			keyed(entry{list: listOf(kind, denies), kind: kind, denies: denies}, access.Of(kind))
		}
	}
	keyed(entry{list: exposed}, a.Expose)
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
	return strings.Compare(x.list+"\x00"+x.key+"\x00"+x.name, y.list+"\x00"+y.key+"\x00"+y.name)
}
