package policy

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// DefaultAgent is the agent whose rules an unnamed or unknown agent gets when
// deny_on_missing_agent is false and nothing else is configured.
const DefaultAgent = "default"

// Policy is a compiled rules file. It is immutable, shares no memory with the
// Rules it was made of, and may be used by any number of goroutines. The zero
// Policy and a nil *Policy are not usable; a policy without agents denies all.
type Policy struct {
	agents map[string]agent
	// strangersAreDefault means that DefaultAgent stands in for agents that the
	// rules do not know.
	strangersAreDefault bool
	denyOnMissingAgent  bool
	hash                string
	// general and own are what the rules say to agents: see Words.
	general string
	own     map[string]string
	limits  map[string]*Limits // of the agents that have any
	roles   int                // how many the rules have
	rolesOf map[string][]string
	// exposed are the tools that agents are shown beside the gateway's own.
	exposed         map[string][]ServerRules
	usesAnnotations bool
}

// Compile prepares rules for deciding. It takes time and memory linear in the
// size of the rules and cannot fail: any string is a valid pattern here. Of two
// agents with the same id the later one wins; the parser refuses such files.
func Compile(r Rules) *Policy {
	p := &Policy{
		agents:             make(map[string]agent, len(r.Agents)),
		denyOnMissingAgent: r.DenyOnMissingAgent,
		hash:               r.Hash,
	}
	shapes := map[string]*shape{}
	names := interner{}
	var key []byte
	for _, a := range r.Agents {
		key = appendShape(key[:0], a)
		s, ok := shapes[string(key)]
		if !ok {
			s = compileShape(a, names)
			shapes[string(key)] = s
		}
		p.agents[names.one(a.ID)] = agent{shape: s, table: ruleTable(a)}
	}
	p.compileWords(r)
	p.compileExposed(r)
	p.usesAnnotations = slices.ContainsFunc(r.Agents, func(a Agent) bool { return listsAnnotations(a.Allow) || listsAnnotations(a.Deny) })
	p.compileLimits(r)
	p.strangersAreDefault = !r.DenyOnMissingAgent && p.HasAgent(DefaultAgent)
	return p
}

// HasAgent reports whether the rules have an agent of this id.
func (p *Policy) HasAgent(id string) bool { return p.agents[id].shape != nil }

// Agents are the ids of the agents that the rules have, sorted.
func (p *Policy) Agents() []string { return slices.Sorted(maps.Keys(p.agents)) }

// Hash is the hash of the rules file's bytes, as in Rules.
func (p *Policy) Hash() string { return p.hash }

// none is the index that stands for no rule.
const none = int32(-1)

// interner keeps one copy of each name. Agents mostly name the same servers
// and tools, and one copy stays in the processor's caches.
type interner map[string]string

func (n interner) one(s string) string {
	if first, ok := n[s]; ok {
		return first
	}
	n[s] = s
	return s
}

// agent is the compiled form of one Agent. All its rules stand in one table,
// each kind in file order; its shape refers to them by index, so that "first
// in file order" is "smallest index".
type agent struct {
	*shape
	table []Rule
}

// shape is what an agent's patterns say, apart from where they are written.
// Agents with the same patterns share one: files with many agents are mostly
// written by programs, and what is shared stays in the processor's caches.
type shape struct {
	// servers has the rules that name a server exactly.
	servers map[string]*named
	// The rest are patterns; the keys with a star are in file order, by the kind of
	// what they list.
	denyServers, allowServers list
	denyListed, allowListed   [kinds][]group

	rules int32    // how many there are
	names interner // only while it is compiled
}

// named is what an agent's rules say about a server that they name exactly.
type named struct {
	deny, allow    int32 // rules of deny.servers, allow.servers, or none
	denies, allows [kinds]*group
}

// unnamed is what they say about any other server.
var unnamed = &named{deny: none, allow: none}

// group is the rules of one key of an object such as "tools".
type group struct {
	exact       map[string]int32
	patterns    list
	annotations []annotation
	ord         int32 // the key's own rule
	key         pattern
}

func compileShape(src Agent, names interner) *shape {
	a := &shape{servers: map[string]*named{}, names: names}
	for _, r := range src.Deny.Servers {
		if ord := a.add(); !a.denyServers.add(names.one(r.Pattern), ord) {
			a.name(r.Pattern, func(n *named) { n.deny = earlier(n.deny, ord) })
		}
	}
	for _, r := range src.Allow.Servers {
		if ord := a.add(); !a.allowServers.add(names.one(r.Pattern), ord) {
			a.name(r.Pattern, func(n *named) { n.allow = earlier(n.allow, ord) })
		}
	}
	for _, k := range Listed {
		a.denyListed[k] = a.addKeys(src.Deny.Of(k), rulesOf{k, true}, func(n *named) **group { return &n.denies[k] })
		a.allowListed[k] = a.addKeys(src.Allow.Of(k), rulesOf{k, false}, func(n *named) **group { return &n.allows[k] })
	}
	a.names = nil
	return a
}

// listsOf are the lists by server in the order in which compileShape counts them.
func listsOf(src *Agent) [][]ServerRules {
	var lists [][]ServerRules
	for _, k := range Listed {
		lists = append(lists, src.Deny.Of(k), src.Allow.Of(k))
	}
	return lists
}

// ruleTable returns all rules of an agent in the order in which compileShape
// counts them.
func ruleTable(src Agent) []Rule {
	lists := listsOf(&src)
	n := len(src.Deny.Servers) + len(src.Allow.Servers)
	for _, list := range lists {
		for _, t := range list {
			n += 1 + len(t.Rules)
		}
	}
	table := make([]Rule, 0, n)
	table = append(append(table, src.Deny.Servers...), src.Allow.Servers...)
	for _, list := range lists {
		for _, t := range list {
			table = append(append(table, t.Server), t.Rules...)
		}
	}
	return table
}

// appendShape appends a text that two agents have in common if and only if
// their patterns are the same in every list.
func appendShape(key []byte, src Agent) []byte {
	for _, servers := range [][]Rule{src.Deny.Servers, src.Allow.Servers} {
		key = appendPatterns(key, servers)
	}
	for _, list := range listsOf(&src) {
		key = binary.AppendUvarint(key, uint64(len(list)))
		for _, t := range list {
			key = appendPatterns(appendText(key, t.Server.Pattern), t.Rules)
		}
	}
	return key
}

func appendPatterns(key []byte, rules []Rule) []byte {
	key = binary.AppendUvarint(key, uint64(len(rules)))
	for _, r := range rules {
		key = appendText(key, r.Pattern)
	}
	return key
}

// appendText puts the length first, because a text may hold any byte.
func appendText(key []byte, text string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(text))), text...)
}

// add counts one rule and returns its index.
func (a *shape) add() int32 {
	a.rules++
	return a.rules - 1
}

// name changes what the rules say about a server by its exact name.
func (a *shape) name(server string, change func(*named)) {
	n, ok := a.servers[server]
	if !ok {
		n = &named{deny: none, allow: none}
		a.servers[a.names.one(server)] = n
	}
	change(n)
}

// rulesOf says which list rules stand in.
type rulesOf struct {
	kind   Kind
	denies bool
}

// addKeys compiles one object such as "tools": keys without a star go to the slot
// of their server, the others are returned. Keys of one name share a group.
func (a *shape) addKeys(list []ServerRules, of rulesOf, slot func(*named) **group) []group {
	var patterns []group
	for _, k := range list {
		g := &group{ord: a.add()}
		if strings.Contains(k.Server.Pattern, Wildcard) {
			g.key = newPattern(a.names.one(k.Server.Pattern), g.ord)
			a.addRules(g, of, k.Rules)
			patterns = append(patterns, *g)
			continue
		}
		a.name(k.Server.Pattern, func(n *named) {
			if at := slot(n); *at == nil {
				*at = g
			} else {
				g = *at
			}
		})
		a.addRules(g, of, k.Rules)
	}
	return patterns
}

func (a *shape) addRules(g *group, of rulesOf, rules []Rule) {
	for _, r := range rules {
		ord := a.add()
		if of.kind == Tools {
			if by, ok := parseAnnotation(r.Pattern, ord); ok {
				g.annotations = append(g.annotations, by)
				continue
			}
		}
		a.addPattern(g, r.Pattern, ord)
		if of.kind == Resources && of.denies {
			if meant := MeaningOf(r.Pattern); meant != r.Pattern {
				a.addPattern(g, meant, ord)
			}
		}
	}
}

func (a *shape) addPattern(g *group, text string, ord int32) {
	if g.patterns.add(a.names.one(text), ord) {
		return
	}
	if g.exact == nil {
		g.exact = make(map[string]int32)
	}
	if _, twice := g.exact[text]; !twice {
		g.exact[a.names.one(text)] = ord
	}
}

// earlier is the rule that comes first in the file; none counts as last.
func earlier(x, y int32) int32 {
	if x == none || (y != none && y < x) {
		return y
	}
	return x
}
