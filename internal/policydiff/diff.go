package policydiff

import (
	"maps"
	"slices"

	"gatehouse/internal/policy"
)

// The callers that are not agents of the rules.
const (
	// Others stands for every well-formed agent_id that neither the old nor
	// the new rules know.
	Others = "(any other agent)"
	// Nobody stands for callers without agent_id.
	Nobody = "(no agent_id)"
)

// Side is one of the two rules files.
type Side struct {
	Rules policy.Rules
	// DefaultAgent is GATEWAY_DEFAULT_AGENT, "" if unset.
	DefaultAgent string
	// Credentials describes each credential of the file by its name, in words
	// that are not secret.
	Credentials map[string]string
}

// Diff is what would change. Its lists are sorted: by agent, server and tool,
// or in file order, removed rules before added ones.
type Diff struct {
	// Widens means that somebody could do more than before.
	Widens        bool         `json:"widens"`
	AgentsAdded   []string     `json:"agents_added"`
	AgentsRemoved []string     `json:"agents_removed"`
	Defaults      []Default    `json:"defaults"`
	Answers       []Answer     `json:"answers"`
	Rules         []RuleChange `json:"rules"`
	// Limits are those that change for an agent of both files.
	Limits []LimitChange `json:"limits"`
	// Asked is how many questions were compared.
	Asked int `json:"asked"`
}

// Default is a changed setting of "defaults". From or To is "" where it is
// unset.
type Default struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"`
	// Widens means that somebody could come in who could not before, or as
	// another agent. What follows from deny_on_missing_agent is in the answers.
	Widens bool `json:"widens"`
}

// Answer is a question whose answer would change. It asks for a tool, a resource, a
// prompt, or without them for the server.
type Answer struct {
	Agent    string `json:"agent"`
	Server   string `json:"server"`
	Tool     string `json:"tool,omitempty"`
	Resource string `json:"resource,omitempty"`
	Prompt   string `json:"prompt,omitempty"`
	// Annotations are those for which the answer to a question about a tool changes,
	// where either rules ask for them.
	Annotations string  `json:"annotations,omitempty"`
	From        Verdict `json:"from"`
	To          Verdict `json:"to"`
}

// Widens reports whether the answer becomes an allow.
func (a Answer) Widens() bool { return a.To.Allow }

// Verdict is an answer and the rule behind it, nil if the absence of one is.
type Verdict struct {
	Allow bool            `json:"allow"`
	Step  policy.Step     `json:"step,omitempty"`
	Rule  *policy.RuleRef `json:"rule,omitempty"`
}

// Compare compares two rules files. tools are those of the servers, as far as they
// are known; names that the rules write out are asked for as well.
func Compare(before, after Side, tools ToolLists) Diff {
	d := Diff{
		AgentsAdded: []string{}, AgentsRemoved: []string{}, Defaults: slices.Concat(defaults(before.Rules, after.Rules), credentials(before.Credentials, after.Credentials)),
		Answers: []Answer{}, Rules: []RuleChange{}, Limits: []LimitChange{},
	}
	was, is := newSide(before), newSide(after)
	asked := listedTools{tools: tools, annotated: was.policy.UsesAnnotations() || is.policy.UsesAnnotations()}
	for _, id := range union(was.agents, is.agents) {
		if was.agents[id] == nil {
			d.AgentsAdded = append(d.AgentsAdded, id)
		} else if is.agents[id] == nil {
			d.AgentsRemoved = append(d.AgentsRemoved, id)
		}
		d.compare(id, was.agent(id), is.agent(id), asked)
		d.Limits = append(d.Limits, limitChanges(id, was.agents[id], is.agents[id])...)
	}
	d.compare(Others, was.stranger(), is.stranger(), asked)
	d.compare(Nobody, was.nobody(), is.nobody(), asked)
	d.Widens = slices.ContainsFunc(d.Answers, Answer.Widens) ||
		slices.ContainsFunc(d.Limits, func(c LimitChange) bool { return c.Widens }) ||
		slices.ContainsFunc(d.Defaults, func(c Default) bool { return c.Widens }) ||
		slices.ContainsFunc(d.Rules, func(c RuleChange) bool { return c.MayWiden })
	return d
}

func defaults(before, after policy.Rules) []Default {
	if before.DenyOnMissingAgent == after.DenyOnMissingAgent {
		return []Default{}
	}
	word := map[bool]string{true: "true", false: "false"}
	return []Default{{Key: "defaults.deny_on_missing_agent", From: word[before.DenyOnMissingAgent], To: word[after.DenyOnMissingAgent]}}
}

// credentials compares who may come in. The first credential shuts out everybody
// without one, and the loss of the last one lets them in.
func credentials(before, after map[string]string) []Default {
	changes := []Default{}
	for _, name := range union(before, after) {
		from, to := before[name], after[name]
		if from == to {
			continue
		}
		widens := len(after) == 0 || len(before) > 0 && to != ""
		changes = append(changes, Default{Key: name, From: from, To: to, Widens: widens})
	}
	return changes
}

// side is a rules file, ready to be asked.
type side struct {
	Side
	policy *policy.Policy
	agents map[string]*policy.Agent
}

func newSide(s Side) side {
	made := side{Side: s, policy: policy.Compile(s.Rules), agents: make(map[string]*policy.Agent, len(s.Rules.Agents))}
	for i := range s.Rules.Agents {
		made.agents[s.Rules.Agents[i].ID] = &s.Rules.Agents[i]
	}
	return made
}

// caller is somebody who asks, on one side.
type caller struct {
	decide func(policy.Question) policy.Decision
	// own are the rules that apply, or nil. borrowed means that they are those
	// of another agent, where they are reported already.
	own      *policy.Agent
	borrowed bool
}

func (s side) as(id string, borrowed bool) caller {
	return caller{own: s.agents[id], borrowed: borrowed, decide: func(q policy.Question) policy.Decision {
		return s.policy.Ask(id, q)
	}}
}

// agent is a caller with this agent_id.
func (s side) agent(id string) caller {
	if s.agents[id] == nil {
		return s.stranger()
	}
	return s.as(id, false)
}

// stranger is a caller whose agent_id the rules do not know.
func (s side) stranger() caller {
	if !s.Rules.DenyOnMissingAgent && s.agents[policy.DefaultAgent] != nil {
		return s.as(policy.DefaultAgent, true)
	}
	return denied()
}

// nobody is a caller without agent_id.
func (s side) nobody() caller {
	id, err := s.policy.ResolveAgent("", false, nil, s.DefaultAgent)
	if err != nil {
		return denied()
	}
	return s.as(id, true)
}

func denied() caller {
	return caller{decide: func(policy.Question) policy.Decision { return policy.Decision{Step: policy.UnknownAgent} }}
}

// compare adds what changes for one caller.
func (d *Diff) compare(id string, was, is caller, asked listedTools) {
	q := asked.questions()
	q.addNamed(was.own)
	q.addNamed(is.own)
	for _, server := range slices.Sorted(maps.Keys(q.about)) {
		for _, about := range slices.SortedFunc(maps.Keys(q.about[server]), thing.compare) {
			question := policy.Question{Server: server, Kind: about.kind, Name: about.name}
			d.Asked++
			d.Answers = append(d.Answers, changes(id, question, was, is, asked.annotated, asked.states(about, q.about[server][about]))...)
		}
	}
	d.Rules = append(d.Rules, ruleChanges(id, was, is)...)
}

// changes asks both sides, for a tool with each of these annotations, and returns the
// first answer that becomes an allow and the first that becomes a deny.
func changes(id string, q policy.Question, was, is caller, annotated bool, states []policy.Annotations) (answers []Answer) {
	seen := map[bool]bool{}
	for _, q.Annotations = range states {
		from, to := was.decide(q), is.decide(q)
		if from.Allow == to.Allow || seen[to.Allow] {
			continue
		}
		seen[to.Allow] = true
		a := Answer{Agent: id, Server: q.Server, From: verdict(from), To: verdict(to)}
		switch q.Kind {
		case policy.Tools:
			a.Tool = q.Name
			if annotated {
				a.Annotations = q.Annotations.String()
			}
		case policy.Resources:
			a.Resource = q.Name
		case policy.Prompts:
			a.Prompt = q.Name
		case policy.Servers:
		}
		answers = append(answers, a)
	}
	return answers
}

func verdict(d policy.Decision) Verdict {
	v := Verdict{Allow: d.Allow, Step: d.Step}
	if d.Rule != nil {
		ref := d.Rule.Ref()
		v.Rule = &ref
	}
	return v
}

func union[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for _, m := range []map[string]V{a, b} {
		for key := range m {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
