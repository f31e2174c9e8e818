package serversfile

import (
	"slices"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/vars"
)

// Codes of the problems of an entry's scope.
const (
	codeBadScope      = "bad-scope"
	codeAgentVariable = "agent-variable"
)

func (r *entryReader) scope(n *jsondoc.Node, path string) {
	if !r.wantKind(n, path, jsondoc.KindString, `"shared", "agent" or "session"`, "") {
		return
	}
	switch scope := Scope(n.Text()); scope {
	case ScopeShared, ScopeAgent, ScopeSession:
		r.entry.Settings.Scope = scope
	default:
		r.Add(n.Pos(), jsondoc.Error, path, codeBadScope, `remove it for "shared"`, `must be "shared", "agent" or "session"`)
	}
}

// scopedDefaults fills in what is another default under another scope.
func (r *entryReader) scopedDefaults(n *jsondoc.Node) {
	if s := &r.entry.Settings; s.Scope == ScopeAgent && n.Member("idle_stop_ms") == nil {
		s.IdleStop = agentIdleStop
	}
}

// agentVariables refuses ${agent} where no agent is known: under ScopeShared, and
// anywhere but in env and headers.
func (r *entryReader) agentVariables() {
	shared := r.entry.Settings.Scope == ScopeShared
	for _, m := range r.node.Members() {
		path := jsondoc.KeyPath(r.path, m.Key)
		switch m.Key {
		case "command", "cwd", "envFile", "url":
			r.noAgentVariable(m.Value, path)
		case "args":
			for i, e := range m.Value.Elements() {
				r.noAgentVariable(e, jsondoc.IndexPath(path, i))
			}
		case "env", "headers":
			for _, value := range m.Value.Members() {
				if shared {
					r.noAgentVariable(value.Value, jsondoc.KeyPath(path, value.Key))
				}
			}
		}
	}
}

func (r *entryReader) noAgentVariable(n *jsondoc.Node, path string) {
	if n.Kind != jsondoc.KindString || !slices.ContainsFunc(vars.Segments(n.Text()), IsAgentVariable) {
		return
	}
	r.Add(n.Pos(), jsondoc.Error, path, codeAgentVariable, "write ${env:agent} for a variable of that name in the environment",
		"${agent} is the agent's id, and known in env and headers of a server whose gateway.scope is agent or session")
}

// IsAgentVariable reports whether a piece of a text stands for the agent's id.
func IsAgentVariable(s vars.Segment) bool { return s.Variable && s.Text == AgentVariable }
