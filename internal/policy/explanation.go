package policy

import "fmt"

// Explanation is a trace in words. It has patterns and positions, so it is for
// the owner of the rules and never for an agent. Its JSON form is the one
// that `gatehouse explain --json` prints.
type Explanation struct {
	Allow bool `json:"allow"`
	// Agent is the agent_id of the question; "" is a caller without one.
	Agent  string `json:"agent"`
	Server string `json:"server"`
	Tool   string `json:"tool,omitempty"`
	// Resource and Prompt are what is asked about instead of a tool.
	Resource string `json:"resource,omitempty"`
	Prompt   string `json:"prompt,omitempty"`
	// Annotations are those by which a tool was decided, where the rules have any
	// that ask for them, and SeenAt when a gateway last saw its definition.
	Annotations string `json:"annotations,omitempty"`
	SeenAt      string `json:"seen_at,omitempty"`
	// Meanings are the spellings of a resource's URI that denies are compared with
	// beside the one that was sent.
	Meanings []string `json:"meanings,omitempty"`
	// RulesOf is the agent whose rules were used, "" if there are none.
	RulesOf string `json:"rules_of,omitempty"`
	// Roles are those whose rules that agent has besides its own, in their order.
	Roles []string `json:"roles"`
	// Limits are those that calls count for, if they are allowed.
	Limits []LimitRef `json:"limits"`
	Step   Step       `json:"step,omitempty"`
	// Code is the error that the caller gets if it is unclear who it is; then
	// there are no steps. Message says why.
	Code    IdentityCode `json:"code,omitempty"`
	Message string       `json:"message,omitempty"`
	// Rule is the rule that decided; nil where the absence of one did.
	Rule      *RuleRef        `json:"rule,omitempty"`
	Overruled []RuleRef       `json:"overruled"`
	Steps     []ExplainedStep `json:"steps"`
	// PolicyHash is the hash of the rules file; Generation is set by a running
	// gateway only.
	PolicyHash string `json:"policy_hash"`
	Generation uint64 `json:"generation,omitempty"`
	// Place says where in a fleet a server is that the running gateway cannot start itself,
	// and why it cannot; empty for all others.
	Place string `json:"place,omitempty"`
}

// ExplainedStep is one step in words.
type ExplainedStep struct {
	Step    Step      `json:"step"`
	Decides bool      `json:"decides"`
	Note    string    `json:"note"`
	Matches []RuleRef `json:"matches"`
}

// RuleRef is a rule and where it is written. Line and Column count from 1,
// Column in code points.
type RuleRef struct {
	Path    string `json:"path"`
	Pattern string `json:"pattern"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

// Ref makes a RuleRef of a rule.
func (r Rule) Ref() RuleRef {
	return RuleRef{Path: r.Path, Pattern: r.Pattern, File: r.Pos.File, Line: r.Pos.Line, Column: r.Pos.Column}
}

// Where returns "file:line:col".
func (r RuleRef) Where() string { return fmt.Sprintf("%s:%d:%d", r.File, r.Line, r.Column) }

// ExplainCaller resolves a caller as ResolveAgent does and explains the decision.
// agent is the caller's agent_id, "" if it has none.
func (p *Policy) ExplainCaller(agent string, pinned []string, defaultAgent string, q Question) Explanation {
	e := Explanation{
		Agent: agent, Server: q.Server, PolicyHash: p.hash,
		Overruled: []RuleRef{}, Steps: []ExplainedStep{}, Roles: []string{}, Limits: []LimitRef{},
	}
	e.about(q, p.usesAnnotations)
	id, err := p.ResolveAgent(agent, agent != "", pinned, defaultAgent)
	if err != nil {
		e.Code, e.Message = err.Code, err.Message
		return e
	}
	t := p.Explain(id, q)
	d := t.Decision
	e.Allow, e.Step, e.RulesOf = d.Allow, d.Step, t.Agent
	if d.Rule != nil {
		ref := d.Rule.Ref()
		e.Rule = &ref
	}
	e.Roles = append(e.Roles, p.rolesOf[t.Agent]...)
	if d.Allow {
		e.Limits = p.Limits(t.Agent).RefsOf(q)
	}
	e.Overruled = refs(t.Overruled())
	if t.Agent != "" {
		e.Steps = append(e.Steps, ExplainedStep{Step: UnknownAgent, Note: whose(agent, t.Agent), Matches: []RuleRef{}})
	}
	for _, s := range t.Steps {
		e.Steps = append(e.Steps, ExplainedStep{Step: s.Step, Decides: s.Decides, Note: s.note(q), Matches: refs(s.Matches)})
	}
	return e
}

// about says what was asked.
func (e *Explanation) about(q Question, usesAnnotations bool) {
	switch q.Kind {
	case Resources:
		e.Resource, e.Meanings = q.Name, Meanings(q.Name)[1:]
	case Prompts:
		e.Prompt = q.Name
	case Tools:
		e.Tool = q.Name
		if usesAnnotations && q.Name != "" {
			e.Annotations = q.Annotations.String()
		}
	case Servers:
	}
}

func refs(rules []*Rule) []RuleRef {
	list := make([]RuleRef, len(rules))
	for i, r := range rules {
		list[i] = r.Ref()
	}
	return list
}

func whose(agent, rulesOf string) string {
	switch agent {
	case rulesOf:
		return "the rules know the agent"
	case "":
		return fmt.Sprintf("without agent_id: the rules of %q apply", rulesOf)
	default:
		return fmt.Sprintf("the agent has no rules of its own: those of %q apply", rulesOf)
	}
}

// note says what a step saw.
func (s TraceStep) note(q Question) string {
	found := len(s.Matches) > 0
	say := func(yes, no string) string {
		if found {
			return yes
		}
		return no
	}
	kind := steps[s.Step].kind
	one, list := kind.String(), kind.Plural()
	name := "name"
	if kind == Resources {
		name = "URI"
	}
	switch s.Step.act() {
	case knowsAgent:
		return "the rules do not know the agent"
	case deniesServer:
		return say("deny.servers matches the server", "nothing in deny.servers matches the server")
	case requiresServer:
		return say("allow.servers matches the server", "nothing in allow.servers matches the server")
	case endsAtServer:
		if q.Kind == Servers || q.Kind == Tools && q.Name == "" {
			return "only the server was asked for"
		}
		return "a " + q.Kind.String() + " was asked for"
	case deniesExact:
		return say("deny."+list+" has the "+one+"'s "+name, "deny."+list+" does not have the "+one+"'s "+name)
	case deniesPattern:
		return say("a pattern in deny."+list+" matches the "+one, "no pattern in deny."+list+" matches the "+one)
	case allowsExact:
		return say("allow."+list+" has the "+one+"'s "+name, "allow."+list+" does not have the "+one+"'s "+name)
	case refuses:
		if s.Refused {
			return `the URI has control characters or ".." in its path`
		}
		return `the URI has no control characters and no ".." in its path`
	case allowsPattern:
		return say("a pattern in allow."+list+" matches the "+one, "no pattern in allow."+list+" matches the "+one)
	case grants:
		return noteOfGrant(q.Kind, found)
	case ends:
		if s.Decides {
			return "no earlier step had an answer"
		}
		return "an earlier step has decided"
	default:
		return ""
	}
}

// noteOfGrant words what the step of the implicit grant saw.
func noteOfGrant(k Kind, covered bool) string {
	lists := "allow.tools"
	if k != Tools {
		lists = "allow." + k.Plural() + " or allow.tools"
	}
	if covered {
		return lists + " has a key that matches the server, so only what is listed is granted"
	}
	return "no key of " + lists + " matches the server, so all of its " + k.Plural() + " are granted"
}
