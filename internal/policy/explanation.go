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
func (p *Policy) ExplainCaller(agent string, pinned []string, defaultAgent, server, tool string) Explanation {
	e := Explanation{
		Agent: agent, Server: server, Tool: tool, PolicyHash: p.hash,
		Overruled: []RuleRef{}, Steps: []ExplainedStep{}, Roles: []string{}, Limits: []LimitRef{},
	}
	id, err := p.ResolveAgent(agent, agent != "", pinned, defaultAgent)
	if err != nil {
		e.Code, e.Message = err.Code, err.Message
		return e
	}
	t := p.Explain(id, server, tool)
	d := t.Decision
	e.Allow, e.Step, e.RulesOf = d.Allow, d.Step, t.Agent
	if d.Rule != nil {
		ref := d.Rule.Ref()
		e.Rule = &ref
	}
	e.Roles = append(e.Roles, p.rolesOf[t.Agent]...)
	if d.Allow {
		e.Limits = p.Limits(t.Agent).Refs(server, tool)
	}
	e.Overruled = refs(t.Overruled())
	if t.Agent != "" {
		e.Steps = append(e.Steps, ExplainedStep{Step: UnknownAgent, Note: whose(agent, t.Agent), Matches: []RuleRef{}})
	}
	for _, s := range t.Steps {
		e.Steps = append(e.Steps, ExplainedStep{Step: s.Step, Decides: s.Decides, Note: s.note(tool), Matches: refs(s.Matches)})
	}
	return e
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
func (s TraceStep) note(tool string) string {
	found := len(s.Matches) > 0
	say := func(yes, no string) string {
		if found {
			return yes
		}
		return no
	}
	switch s.Step {
	case UnknownAgent:
		return "the rules do not know the agent"
	case ServerDenied:
		return say("deny.servers matches the server", "nothing in deny.servers matches the server")
	case ServerNotAllowed:
		return say("allow.servers matches the server", "nothing in allow.servers matches the server")
	case ServerAllowed:
		if tool == "" {
			return "only the server was asked for"
		}
		return "a tool was asked for"
	case ToolDeniedExact:
		return say("deny.tools has the tool's name", "deny.tools does not have the tool's name")
	case ToolDeniedPattern:
		return say("a pattern in deny.tools matches the tool", "no pattern in deny.tools matches the tool")
	case ToolAllowedExact:
		return say("allow.tools has the tool's name", "allow.tools does not have the tool's name")
	case ToolAllowedPattern:
		return say("a pattern in allow.tools matches the tool", "no pattern in allow.tools matches the tool")
	case ImplicitGrant:
		return say("allow.tools has a key that matches the server, so only what is listed is granted",
			"no key of allow.tools matches the server, so all of its tools are granted")
	case ToolNotAllowed:
		if s.Decides {
			return "no earlier step had an answer"
		}
		return "an earlier step has decided"
	default:
		return ""
	}
}
