package rulesfile

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/suggest"
)

// Codes of the warnings about a rules file that is in order by itself.
const (
	codeUnknownServer  = "rules-unknown-server"
	codeEmptyTools     = "rules-empty-tool-list"
	codeStarKey        = "rules-star-key"
	codeNoFallback     = "rules-no-fallback"
	codeDefaultMissing = "rules-default-agent-missing"
	codeDefaultUnused  = "rules-default-agent-unused"
	codeDefaultMayAll  = "rules-default-may-do-everything"
	codeEmptyObject    = "rules-empty-tools-object"
)

// CrossCheck looks at valid rules beside the rest of the configuration: the
// names of all servers of the servers file, and GATEWAY_DEFAULT_AGENT, "" if
// unset. It returns warnings only, sorted by position: rules that name a server
// which does not exist take effect when it appears.
func CrossCheck(rules policy.Rules, serverNames []string, defaultAgent string) []jsondoc.Problem {
	c := crossCheck{Report: jsondoc.NewReport(rules.File), servers: slices.Sorted(slices.Values(serverNames)), hints: map[string]string{}, said: map[policy.Position]bool{}}
	for _, a := range rules.Agents {
		c.serverRules(a.Allow.Servers)
		c.serverRules(a.Deny.Servers)
		for _, t := range slices.Concat(listsOf(&a)...) {
			c.server(t.Server)
		}
		for _, t := range a.Allow.Tools {
			c.allowedTools(t)
		}
		c.emptyTools(a)
	}
	c.fallback(rules, defaultAgent)
	return c.Finish()
}

type crossCheck struct {
	*jsondoc.Report
	servers []string                 // sorted
	hints   map[string]string        // by unknown server
	said    map[policy.Position]bool // of rules of roles: each once
}

func (c *crossCheck) warn(r policy.Rule, code, hint, format string, args ...any) {
	if inRole(r) {
		if c.said[r.Pos] {
			return
		}
		c.said[r.Pos] = true
	}
	c.Add(r.Pos, jsondoc.Warning, r.Path, code, hint, format, args...)
}

func (c *crossCheck) serverRules(rules []policy.Rule) {
	for _, r := range rules {
		c.server(r)
	}
}

// server warns of a rule that names a server which does not exist. A pattern
// that matches none says nothing wrong.
func (c *crossCheck) server(r policy.Rule) {
	if strings.Contains(r.Pattern, policy.Wildcard) {
		return
	}
	if _, found := slices.BinarySearch(c.servers, r.Pattern); found {
		return
	}
	c.warn(r, codeUnknownServer, c.hint(r.Pattern),
		"no server %s is configured; the rule takes effect when there is one", jsondoc.Quote(r.Pattern))
}

// hint says which server was probably meant, else which ones there are. Files
// name the same few servers over and over, so it is worked out once for each.
func (c *crossCheck) hint(name string) string {
	hint, ok := c.hints[name]
	if !ok {
		hint = serverHint(name, c.servers)
		c.hints[name] = hint
	}
	return hint
}

// serverHint is keyHint for names of servers: there may be many.
func serverHint(name string, servers []string) string {
	const most = 20
	shown := make([]string, 0, most)
	for _, s := range servers[:min(len(servers), most)] {
		shown = append(shown, jsondoc.Quote(s))
	}
	hint := "the servers file has " + strings.Join(shown, ", ")
	switch {
	case len(servers) == 0:
		return "the servers file has no servers"
	case len(servers) > most:
		hint += fmt.Sprintf(" and %d more", len(servers)-most)
	}
	if near, ok := suggest.Nearest(name, servers); ok {
		return "did you mean " + jsondoc.Quote(near) + "? " + hint
	}
	return hint
}

// allowedTools warns where this format differs from what users of other
// gateways with the same file expect.
func (c *crossCheck) allowedTools(t policy.ServerRules) {
	if len(t.Rules) == 0 {
		c.warn(t.Server, codeEmptyTools,
			`list the tools to allow, or remove the key to allow all of them`,
			"an empty list grants no tool of %s", jsondoc.Quote(t.Server.Pattern))
		return
	}
	all := slices.ContainsFunc(t.Rules, func(r policy.Rule) bool { return r.Pattern == policy.Wildcard })
	if t.Server.Pattern == policy.Wildcard && !all {
		c.warn(t.Server, codeStarKey,
			"if that is not meant, name the servers instead",
			`the key "*" matches every server, so no server grants all of its tools by default any more`)
	}
}

// emptyTools warns of "tools": {} in allow, which reads like "no tools".
func (c *crossCheck) emptyTools(a policy.Agent) {
	if a.AllowToolsPos.Line == 0 || len(a.Allow.Tools) > 0 || len(a.Allow.Servers) == 0 {
		return
	}
	c.Add(a.AllowToolsPos, jsondoc.Warning, jsondoc.KeyPath("agents", a.ID)+".allow.tools", codeEmptyObject,
		`remove it if that is meant; {"SERVER": []} grants no tool of a server`,
		"an empty object grants all tools of every allowed server")
}

// fallback warns when a call without an agent_id is not denied by the rules
// but has nobody to be, or may do everything, and when there is somebody to be
// in vain.
func (c *crossCheck) fallback(rules policy.Rules, defaultAgent string) {
	const path = "defaults.deny_on_missing_agent"
	warn := func(code, hint, format string, args ...any) {
		c.Add(rules.DenyOnMissingAgentPos, jsondoc.Warning, path, code, hint, format, args...)
	}
	agents := map[string]*policy.Agent{}
	for i := range rules.Agents {
		agents[rules.Agents[i].ID] = &rules.Agents[i]
	}
	if rules.DenyOnMissingAgent {
		if defaultAgent != "" {
			warn(codeDefaultUnused, "unset it, or set deny_on_missing_agent to false",
				"GATEWAY_DEFAULT_AGENT has no effect: calls without agent_id are refused")
		}
		return
	}
	stranger := agents[policy.DefaultAgent]
	missing := stranger
	if defaultAgent != "" {
		missing = agents[defaultAgent]
	}
	who := "whoever leaves agent_id out"
	if missing == stranger {
		who += ", or sends one that the rules do not know,"
	}
	switch {
	case missing == nil && defaultAgent != "":
		warn(codeDefaultMissing, "add that agent, or change GATEWAY_DEFAULT_AGENT",
			"GATEWAY_DEFAULT_AGENT names the agent %s, which is not in the rules: calls without agent_id are refused", jsondoc.Quote(defaultAgent))
	case missing == nil:
		warn(codeNoFallback, `add an agent named "default", or set GATEWAY_DEFAULT_AGENT, or remove this key`,
			"false has no effect without an agent to fall back on: calls without agent_id are refused")
	case mayAll(missing):
		warn(codeDefaultMayAll, "give that agent only what everybody may do, or set this to true",
			"%s may use every tool of every server, as the agent %s", who, jsondoc.Quote(missing.ID))
	}
	if stranger != nil && stranger != missing && mayAll(stranger) {
		warn(codeDefaultMayAll, "give that agent only what everybody may do, or set this to true",
			"any agent that the rules do not know may use every tool of every server, as the agent %s", jsondoc.Quote(stranger.ID))
	}
}

// mayAll reports whether the rules let an agent do everything there is.
func mayAll(a *policy.Agent) bool {
	all := func(r policy.Rule) bool { return policy.Covers(r.Pattern, policy.Wildcard) }
	denies := len(a.Deny.Servers) > 0 || slices.ContainsFunc(a.Deny.Tools, func(t policy.ServerRules) bool { return len(t.Rules) > 0 })
	if denies || !slices.ContainsFunc(a.Allow.Servers, all) {
		return false
	}
	return len(a.Allow.Tools) == 0 || slices.ContainsFunc(a.Allow.Tools, func(t policy.ServerRules) bool {
		return all(t.Server) && slices.ContainsFunc(t.Rules, all)
	})
}
