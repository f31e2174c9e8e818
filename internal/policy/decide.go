package policy

// Decision is the answer to one question. The zero Decision is a deny without
// a step.
type Decision struct {
	Allow bool
	// Step is the step that gave the answer.
	Step Step
	// Rule is the rule that decided: the first in file order of those that
	// match at Step. It is nil where the absence of a rule decides
	// (UnknownAgent, ServerNotAllowed, ToolNotAllowed); for ServerAllowed and
	// ImplicitGrant it is the rule of allow.servers. It belongs to the Policy
	// and must not be changed.
	Rule *Rule
	// Hash is the hash of the rules file that decided.
	Hash string
}

// Path is the deciding rule's path, or "" if no rule decided. An agent may see
// nothing else of a rule.
func (d Decision) Path() string {
	if d.Rule == nil {
		return ""
	}
	return d.Rule.Path
}

// Decide answers whether an agent may use a tool of a server, or, with an
// empty tool, whether it may use the server at all. It accepts any strings. It
// neither blocks nor allocates, and looks at nothing but the rules and its
// arguments.
func (p *Policy) Decide(agent, server, tool string) Decision {
	return p.decide(agent, server, tool, nil)
}

// decide takes the steps in order. Without a trace it stops at the first that
// has an answer; with one it goes on, to note what was overruled.
func (p *Policy) decide(id, server, tool string, t *Trace) Decision {
	a := p.agents[id]
	if a.shape == nil {
		t.note(agent{}, UnknownAgent, true, nil)
		return Decision{Step: UnknownAgent, Hash: p.hash}
	}
	d := Decision{Hash: p.hash}
	var q query
	a.ask(&q, server, tool)
	for s := ServerDenied; s <= q.last; s++ {
		answer, ord := a.check(s, &q)
		decides := answer != pass && d.Step == 0
		if decides {
			d.Allow, d.Step = answer == allow, s
			if ord != none {
				d.Rule = &a.table[ord]
			}
		}
		if t != nil {
			t.note(a, s, decides, &q)
		} else if decides {
			break
		}
	}
	return d
}

// answer is what one step says.
type answer uint8

const (
	pass answer = iota
	allow
	deny
)

// query is one question on its way through the steps.
type query struct {
	server, tool string
	last         Step  // the last step that concerns the question
	named        named // what the agent's rules say of the server by name
	grant        int32 // the rule of allow.servers that matches the server
}

// ask fills in a query.
func (a *shape) ask(q *query, server, tool string) {
	q.server, q.last, q.grant = server, ServerAllowed, none
	n, ok := a.servers[server]
	if !ok {
		n = unnamed
	}
	q.named = n
	if tool != "" {
		q.tool, q.last = tool, ToolNotAllowed
	}
}

// check is the meaning of each step: its answer to the query, and the rule that
// gives it.
func (a *shape) check(s Step, q *query) (answer, int32) {
	switch s {
	case ServerDenied:
		return deny.by(earlier(q.named.deny, a.denyServers.first(q.server)))
	case ServerNotAllowed:
		q.grant = earlier(q.named.allow, a.allowServers.first(q.server))
		if q.grant == none {
			return deny, none
		}
		return pass, none
	case ServerAllowed:
		if q.last == ServerAllowed {
			return allow.by(q.grant)
		}
		return pass, none
	case ToolDeniedExact:
		return deny.by(q.firstExact(q.named.denyTools, a.denyTools))
	case ToolDeniedPattern:
		return deny.by(q.firstPattern(q.named.denyTools, a.denyTools))
	case ToolAllowedExact:
		return allow.by(q.firstExact(q.named.allowTools, a.allowTools))
	case ToolAllowedPattern:
		return allow.by(q.firstPattern(q.named.allowTools, a.allowTools))
	case ImplicitGrant:
		if q.covered(q.named.allowTools, a.allowTools) {
			return pass, none
		}
		return allow, q.grant
	case UnknownAgent, ToolNotAllowed:
		return deny, none
	default:
		return deny, none
	}
}

// by is the answer if there is a rule for it.
func (x answer) by(ord int32) (answer, int32) {
	if ord == none {
		return pass, none
	}
	return x, ord
}

// firstExact returns the first rule in file order that is exactly the tool's
// name, over all keys that match the server. own is the key that is exactly the
// server's name, or nil; patterns are the keys with a star.
func (q *query) firstExact(own *group, patterns []group) int32 {
	best := none
	if own != nil {
		best = own.firstExact(q.tool)
	}
	for i := range patterns {
		if g := &patterns[i]; g.concerns(q.server) {
			best = earlier(best, g.firstExact(q.tool))
		}
	}
	return best
}

// firstPattern is firstExact for rules with a star.
func (q *query) firstPattern(own *group, patterns []group) int32 {
	best := none
	if own != nil {
		best = own.patterns.first(q.tool)
	}
	for i := range patterns {
		if g := &patterns[i]; g.concerns(q.server) {
			best = earlier(best, g.patterns.first(q.tool))
		}
	}
	return best
}

// covered reports whether any key matches the server, however empty its list.
func (q *query) covered(own *group, patterns []group) bool {
	if own != nil {
		return true
	}
	for i := range patterns {
		if g := &patterns[i]; g.concerns(q.server) {
			return true
		}
	}
	return false
}

// concerns reports whether the group's key, which has a star, matches.
func (g *group) concerns(server string) bool {
	return g.key.matches(server)
}

func (g *group) firstExact(tool string) int32 {
	if g.exact == nil {
		return none
	}
	if ord, ok := g.exact[tool]; ok {
		return ord
	}
	return none
}
