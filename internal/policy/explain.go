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
	// Matches are the rules that match at this step, in file order: of
	// deny.servers at ServerDenied, of allow.servers at ServerNotAllowed, of
	// the tool lists at the tool steps; at ImplicitGrant the keys of
	// allow.tools that match the server and so take the grant away. They
	// belong to the Policy and must not be changed.
	Matches []*Rule
}

// Explain decides as Decide does, by the same code, and returns what each step
// saw as well. It allocates.
func (p *Policy) Explain(agent, server, tool string) Trace {
	var t Trace
	t.Decision = p.decide(agent, server, tool, &t)
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
		if s.Step == ServerNotAllowed || s.Step == ToolAllowedExact || s.Step == ToolAllowedPattern {
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
		for _, ord := range a.matches(s, q) {
			step.Matches = append(step.Matches, &a.table[ord])
		}
	}
	t.Steps = append(t.Steps, step)
}

// matches returns all rules that match at a step, in file order.
func (a *shape) matches(s Step, q *query) []int32 {
	var ords []int32
	switch s {
	case ServerDenied:
		ords = withExact(a.denyServers.all(q.server), q.named.deny)
	case ServerNotAllowed:
		ords = withExact(a.allowServers.all(q.server), q.named.allow)
	case ToolDeniedExact, ToolAllowedExact:
		for _, g := range a.groups(s, q) {
			ords = withExact(ords, g.firstExact(q.tool))
		}
	case ToolDeniedPattern, ToolAllowedPattern:
		for _, g := range a.groups(s, q) {
			ords = append(ords, g.patterns.all(q.tool)...)
		}
	case ImplicitGrant:
		for _, g := range a.groups(s, q) {
			ords = append(ords, g.ord)
		}
	case UnknownAgent, ServerAllowed, ToolNotAllowed: // No rule of its own.
	}
	slices.Sort(ords)
	return ords
}

// groups returns the keys that match the server in the set that a tool step
// asks.
func (a *shape) groups(s Step, q *query) []*group {
	own, patterns := q.named.denyTools, a.denyTools
	if s.Allows() {
		own, patterns = q.named.allowTools, a.allowTools
	}
	var groups []*group
	if own != nil {
		groups = append(groups, own)
	}
	for i := range patterns {
		if g := &patterns[i]; g.concerns(q.server) {
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
