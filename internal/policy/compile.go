package policy

import (
	"encoding/binary"
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
	p.compileLimits(r)
	p.strangersAreDefault = !r.DenyOnMissingAgent && p.HasAgent(DefaultAgent)
	return p
}

// HasAgent reports whether the rules have an agent of this id.
func (p *Policy) HasAgent(id string) bool { return p.agents[id].shape != nil }

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
	servers map[string]named
	// The rest are patterns.
	denyServers, allowServers list
	denyTools, allowTools     []group // keys with a star, in file order

	rules int32    // how many there are
	names interner // only while it is compiled
}

// named is what an agent's rules say about a server that they name exactly.
type named struct {
	deny, allow           int32 // rules of deny.servers, allow.servers, or none
	denyTools, allowTools *group
}

// unnamed is what they say about any other server.
var unnamed = named{deny: none, allow: none}

// group is the tool rules of one key of a "tools" object.
type group struct {
	exact    map[string]int32
	patterns list
	ord      int32 // the key's own rule
	key      pattern
}

func compileShape(src Agent, names interner) *shape {
	a := &shape{servers: map[string]named{}, names: names}
	for _, r := range src.DenyServers {
		if ord := a.add(); !a.denyServers.add(names.one(r.Pattern), ord) {
			a.name(r.Pattern, func(n *named) { n.deny = earlier(n.deny, ord) })
		}
	}
	for _, r := range src.AllowServers {
		if ord := a.add(); !a.allowServers.add(names.one(r.Pattern), ord) {
			a.name(r.Pattern, func(n *named) { n.allow = earlier(n.allow, ord) })
		}
	}
	a.denyTools = a.addTools(src.DenyTools, func(n *named) **group { return &n.denyTools })
	a.allowTools = a.addTools(src.AllowTools, func(n *named) **group { return &n.allowTools })
	a.names = nil
	return a
}

// ruleTable returns all rules of an agent in the order in which compileShape
// counts them.
func ruleTable(src Agent) []Rule {
	n := len(src.DenyServers) + len(src.AllowServers)
	for _, tools := range [][]ToolRules{src.DenyTools, src.AllowTools} {
		for _, t := range tools {
			n += 1 + len(t.Tools)
		}
	}
	table := make([]Rule, 0, n)
	table = append(append(table, src.DenyServers...), src.AllowServers...)
	for _, tools := range [][]ToolRules{src.DenyTools, src.AllowTools} {
		for _, t := range tools {
			table = append(append(table, t.Server), t.Tools...)
		}
	}
	return table
}

// appendShape appends a text that two agents have in common if and only if
// their patterns are the same in every list.
func appendShape(key []byte, src Agent) []byte {
	for _, servers := range [][]Rule{src.DenyServers, src.AllowServers} {
		key = appendPatterns(key, servers)
	}
	for _, tools := range [][]ToolRules{src.DenyTools, src.AllowTools} {
		key = binary.AppendUvarint(key, uint64(len(tools)))
		for _, t := range tools {
			key = appendPatterns(appendText(key, t.Server.Pattern), t.Tools)
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
		n = unnamed
	}
	change(&n)
	a.servers[a.names.one(server)] = n
}

// addTools compiles one "tools" object: keys without a star go to the slot of
// their server, the others are returned. Keys of one name share a group.
func (a *shape) addTools(keys []ToolRules, slot func(*named) **group) []group {
	var patterns []group
	for _, k := range keys {
		g := &group{ord: a.add()}
		if strings.Contains(k.Server.Pattern, Wildcard) {
			g.key = newPattern(a.names.one(k.Server.Pattern), g.ord)
			a.addRules(g, k.Tools)
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
		a.addRules(g, k.Tools)
	}
	return patterns
}

func (a *shape) addRules(g *group, rules []Rule) {
	for _, r := range rules {
		ord := a.add()
		if g.patterns.add(a.names.one(r.Pattern), ord) {
			continue
		}
		if g.exact == nil {
			g.exact = make(map[string]int32)
		}
		if _, twice := g.exact[r.Pattern]; !twice {
			g.exact[a.names.one(r.Pattern)] = ord
		}
	}
}

// earlier is the rule that comes first in the file; none counts as last.
func earlier(x, y int32) int32 {
	if x == none || (y != none && y < x) {
		return y
	}
	return x
}
