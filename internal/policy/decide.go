package policy

// Decision is the answer to one question. The zero Decision is a deny without
// a step.
type Decision struct {
	Allow bool
	// Step is the step that gave the answer.
	Step Step
	// Rule is the rule that decided: the first in file order of those that
	// match at Step. It is nil where no rule decides
	// (UnknownAgent, ServerNotAllowed, ResourceRefused, and those that end on
	// NotAllowed); for ServerAllowed and
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

// Decide answers whether an agent may use a tool of a server whose definition is
// not known, or, with an empty tool, whether it may use the server at all. It
// accepts any strings. It neither blocks nor allocates, and looks at nothing but the
// rules and its arguments.
func (p *Policy) Decide(agent, server, tool string) Decision {
	return p.DecideTool(agent, server, tool, 0)
}

// DecideTool is Decide for a tool with these annotations.
func (p *Policy) DecideTool(agent, server, tool string, a Annotations) Decision {
	return p.decide(agent, Question{Server: server, Kind: Tools, Name: tool, Annotations: a}, nil)
}

// DecideResource answers whether an agent may read a resource of a server, and all
// else that is done by its URI. It takes any strings, and neither blocks nor looks
// at anything else.
func (p *Policy) DecideResource(agent, server, uri string) Decision {
	return p.decide(agent, Question{Server: server, Kind: Resources, Name: uri}, nil)
}

// DecideTemplate answers whether an agent may see a template of resources, by its
// text. What is read by it is decided by its own URI.
func (p *Policy) DecideTemplate(agent, server, template string) Decision {
	return p.DecideResource(agent, server, template)
}

// DecidePrompt answers whether an agent may use a prompt of a server. It takes any
// strings, and neither blocks nor looks at anything else.
func (p *Policy) DecidePrompt(agent, server, name string) Decision {
	return p.decide(agent, Question{Server: server, Kind: Prompts, Name: name}, nil)
}

// Ask answers any question about an agent, as Decide does.
func (p *Policy) Ask(agent string, q Question) Decision { return p.decide(agent, q, nil) }

// decide takes the steps in order. Without a trace it stops at the first that
// has an answer; with one it goes on, to note what was overruled.
func (p *Policy) decide(id string, asked Question, t *Trace) Decision {
	a := p.agents[id]
	if a.shape == nil {
		t.note(agent{}, UnknownAgent, true, nil)
		return Decision{Step: UnknownAgent, Hash: p.hash}
	}
	d := Decision{Hash: p.hash}
	q := query{Question: asked}
	a.ask(&q)
	for _, s := range stepsOf[q.Kind] {
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
	Question

	named *named    // what the agent's rules say of the server by name
	grant int32     // the rule of allow.servers that matches the server
	sent  [1]string // the name, as it was sent
	meant []string  // a URI's meanings, once they are asked for
}

// ask fills in a query.
func (a *shape) ask(q *query) {
	q.grant = none
	if q.Kind >= kinds || q.Kind == Tools && q.Name == "" {
		q.Kind = Servers
	}
	q.sent[0] = q.Name
	n, ok := a.servers[q.Server]
	if !ok {
		n = unnamed
	}
	q.named = n
}

// check is the meaning of each step: its answer to the query, and the rule that
// gives it.
func (a *shape) check(s Step, q *query) (answer, int32) {
	switch s.act() {
	case deniesServer:
		return deny.by(earlier(q.named.deny, a.denyServers.first(q.Server)))
	case requiresServer:
		q.grant = earlier(q.named.allow, a.allowServers.first(q.Server))
		if q.grant == none {
			return deny, none
		}
		return pass, none
	case endsAtServer:
		if q.Kind == Servers {
			return allow.by(q.grant)
		}
		return pass, none
	case deniesExact:
		return deny.by(a.firstExact(q, a.denies(q)))
	case deniesPattern:
		return deny.by(a.firstPattern(q, a.denies(q)))
	case allowsExact:
		return allow.by(a.firstExact(q, a.allows(q, q.Kind)))
	case refuses:
		if RefusedURI(q.Name) {
			return deny, none
		}
		return pass, none
	case allowsPattern:
		return allow.by(a.firstPattern(q, a.allows(q, q.Kind)))
	case grants:
		if a.allows(q, q.Kind).covers(q.Server) || q.Kind != Tools && a.allows(q, Tools).covers(q.Server) {
			return pass, none
		}
		return allow, q.grant
	case knowsAgent, ends:
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

// keys are the keys of one object such as deny.tools: the one that is exactly the
// server's name, or nil, and those with a star.
type keys struct {
	own      *group
	patterns []group
	denies   bool
}

func (a *shape) denies(q *query) keys {
	return keys{q.named.denies[q.Kind], a.denyListed[q.Kind], true}
}

func (a *shape) allows(q *query, k Kind) keys {
	return keys{q.named.allows[k], a.allowListed[k], false}
}

// covers reports whether any key matches the server, however empty its list.
func (k keys) covers(server string) bool {
	if k.own != nil {
		return true
	}
	for i := range k.patterns {
		if g := &k.patterns[i]; g.concerns(server) {
			return true
		}
	}
	return false
}

// names are what the rules of such keys are compared with: an allow with the name as
// it was sent, a deny also with what a URI means.
//
// The meanings of a URI are worked out only if there is a key that could match.
func (q *query) names(k keys) []string {
	if q.Kind != Resources || !k.denies || k.own == nil && len(k.patterns) == 0 {
		return q.sent[:]
	}
	if q.meant == nil {
		q.meant = Meanings(q.Name)
	}
	return q.meant
}

// firstExact returns the first rule in file order that is exactly the name, over all
// keys that match the server.
func (a *shape) firstExact(q *query, k keys) int32 {
	best, names := none, q.names(k)
	if k.own != nil {
		best = k.own.firstExact(names)
	}
	for i := range k.patterns {
		if g := &k.patterns[i]; g.concerns(q.Server) {
			best = earlier(best, g.firstExact(names))
		}
	}
	return best
}

// firstPattern is firstExact for rules with a star and for annotations.
func (a *shape) firstPattern(q *query, k keys) int32 {
	best, names := none, q.names(k)
	if k.own != nil {
		best = k.own.firstPattern(names, q.Annotations, k.denies)
	}
	for i := range k.patterns {
		if g := &k.patterns[i]; g.concerns(q.Server) {
			best = earlier(best, g.firstPattern(names, q.Annotations, k.denies))
		}
	}
	return best
}

// concerns reports whether the group's key, which has a star, matches.
func (g *group) concerns(server string) bool {
	return g.key.matches(server)
}

func (g *group) firstExact(names []string) int32 {
	best := none
	if g.exact == nil {
		return best
	}
	for _, name := range names {
		if ord, ok := g.exact[name]; ok {
			best = earlier(best, ord)
		}
	}
	return best
}

func (g *group) firstPattern(names []string, said Annotations, denies bool) int32 {
	best := none
	for _, name := range names {
		best = earlier(best, g.patterns.first(name))
	}
	for i := range g.annotations {
		if r := &g.annotations[i]; r.matches(said, denies) {
			return earlier(best, r.ord)
		}
	}
	return best
}
