package policy

import "slices"

// Trace is a decision and the steps that led to it.
type Trace struct {
	Decision Decision
	// Agent is the id whose rules were used, or "" if there are none.
	Agent string
	// Steps are the steps that concern the question, in order, also those
	// after the one that decided.
	Steps []TraceStep
}

// TraceStep is what one step saw.
type TraceStep struct {
	Step    Step
	Decides bool
	// Refused means that the URI is one that only a rule of its bytes allows.
	Refused bool
	// Matches are the rules that match at this step, in file order: of
	// deny.servers at ServerDenied, of allow.servers at ServerNotAllowed, of
	// the lists by server at their steps; at ImplicitGrant the keys that match the
	// server and so take the grant away. They belong to the Policy and must not
	// be changed.
	Matches []*Rule
}

// Explain decides as Ask does, by the same code, and returns what each step saw as
// well. It allocates.
func (p *Policy) Explain(agent string, q Question) Trace {
	var t Trace
	t.Decision = p.decide(agent, q, &t)
	if p.HasAgent(agent) {
		t.Agent = agent
	}
	return t
}

// Overruled returns the allow rules that match but did not help because the
// answer is deny, in the order of the steps. An allow overrules nothing, because
// every deny is asked first.
func (t Trace) Overruled() []*Rule {
	if t.Decision.Allow {
		return nil
	}
	var rules []*Rule
	for _, s := range t.Steps {
		if act := s.Step.act(); act == requiresServer || act == allowsExact || act == allowsPattern {
			rules = append(rules, s.Matches...)
		}
	}
	return rules
}

// note keeps what a step saw. A nil trace keeps nothing and costs nothing.
func (t *Trace) note(a agent, s Step, decides bool, q *query) {
	if t == nil {
		return
	}
	step := TraceStep{Step: s, Decides: decides}
	if a.shape != nil {
		step.Refused = s.act() == refuses && RefusedURI(q.Name)
		for _, ord := range a.matches(s, q) {
			step.Matches = append(step.Matches, &a.table[ord])
		}
	}
	t.Steps = append(t.Steps, step)
}

// matches returns all rules that match at a step, in file order.
func (a *shape) matches(s Step, q *query) []int32 {
	var ords []int32
	switch s.act() {
	case deniesServer:
		ords = withExact(a.denyServers.all(q.Server), q.named.deny)
	case requiresServer:
		ords = withExact(a.allowServers.all(q.Server), q.named.allow)
	case deniesExact:
		ords = a.denies(q).allExact(q)
	case allowsExact:
		ords = a.allows(q, q.Kind).allExact(q)
	case deniesPattern:
		ords = a.denies(q).allPatterns(q)
	case allowsPattern:
		ords = a.allows(q, q.Kind).allPatterns(q)
	case grants:
		groups := a.allows(q, Tools).groups(q.Server)
		if q.Kind != Tools {
			groups = append(a.allows(q, q.Kind).groups(q.Server), groups...)
		}
		for _, g := range groups {
			ords = append(ords, g.ord)
		}
	case knowsAgent, endsAtServer, refuses, ends: // No rule of its own.
	}
	slices.Sort(ords)
	return slices.Compact(ords)
}

func (k keys) allExact(q *query) (ords []int32) {
	for _, g := range k.groups(q.Server) {
		for _, name := range q.names(k) {
			if ord, ok := g.exact[name]; ok {
				ords = append(ords, ord)
			}
		}
	}
	return ords
}

func (k keys) allPatterns(q *query) (ords []int32) {
	for _, g := range k.groups(q.Server) {
		for _, name := range q.names(k) {
			ords = append(ords, g.patterns.all(name)...)
		}
		for _, r := range g.annotations {
			if r.matches(q.Annotations, k.denies) {
				ords = append(ords, r.ord)
			}
		}
	}
	return ords
}

// groups returns the keys that match the server.
func (k keys) groups(server string) (groups []*group) {
	if k.own != nil {
		groups = append(groups, k.own)
	}
	for i := range k.patterns {
		if g := &k.patterns[i]; g.concerns(server) {
			groups = append(groups, g)
		}
	}
	return groups
}

// withExact appends a rule if there is one.
func withExact(ords []int32, ord int32) []int32 {
	if ord == none {
		return ords
	}
	return append(ords, ord)
}
