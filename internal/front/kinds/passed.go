package kinds

import (
	"encoding/json"
	"slices"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/serversfile"
)

// Passed is a request that another gateway of a fleet has decided about, for a server
// that this one runs.
type Passed struct {
	Agent  string // empty for what that gateway asks of itself
	Method string
	Params json.RawMessage // of any form
	// Hear: nothing is asked of the server. That gateway wants to hear of what the params
	// name, for agents about whom it decides itself.
	Hear bool
}

// notPassed denies what no rule can speak of.
var notPassed = policy.Decision{Step: policy.ToolNotAllowed}

// DecidePassed asks the rules about such a request as about one of an agent here, by what
// the server is sent. Lists pass: whoever asks for them filters them for each agent. What
// is not known, or names what it is about in no way or in two, is denied. cell is that of
// the server.
func DecidePassed(rules *policy.Policy, entry *serversfile.Entry, cell *endpoint.Cell, p Passed) policy.Decision {
	server := entry.Name
	switch p.Method {
	case "tools/list", "prompts/list", "resources/list", "resources/templates/list":
		return policy.Decision{Allow: true}
	case "tools/call":
		return p.about("name", func(name string) policy.Decision {
			return endpoint.DecideTool(rules, p.Agent, server, name, cell.Shown(endpoint.Tools))
		})
	case "prompts/get":
		return p.about("name", func(name string) policy.Decision { return rules.DecidePrompt(p.Agent, server, name) })
	case "resources/read":
		return p.about("uri", func(uri string) policy.Decision { return decideRead(rules, p.Agent, server, uri, cell) })
	case "resources/subscribe", "resources/unsubscribe":
		return p.about("uri", func(uri string) policy.Decision { return decideSubscribe(rules, p.Agent, server, uri) })
	case "completion/complete":
		return decideComplete(rules, server, p)
	case "tasks/cancel", "tasks/get", "tasks/result", "tasks/update":
		if p.Agent == "" && p.Method == "tasks/cancel" { // Of a task that nobody waits for any more.
			return policy.Decision{Allow: true}
		}
		return decideTask(rules, p, server)
	}
	passes := func(pattern string) bool { return policy.MatchPattern(pattern, p.Method) }
	if serversfile.IsOwnMethod(p.Method) || !slices.ContainsFunc(entry.Settings.PassMethods, passes) {
		return notPassed
	}
	return rules.DecideMethod(p.Agent, server, p.Method)
}

// about decides by what a member of the params names.
func (p *Passed) about(member string, decide func(name string) policy.Decision) policy.Decision {
	if !rawjson.Valid(p.Params) {
		return notPassed
	}
	name, ok := only(p.Params, member)
	if !ok {
		return notPassed
	}
	return decide(name)
}

// only returns the text of a member, if that is there once and nothing can be taken for
// it.
func only(object json.RawMessage, member string) (text string, ok bool) {
	value := rawjson.Get(object, member)
	if rawjson.First(value) != '"' || rawjson.Misnamed(object, member) != nil {
		return "", false
	}
	return rawjson.Text(value), true
}

// decideRead lets pages of tools be read by whoever may use the tool, as surfaces do.
func decideRead(rules *policy.Policy, agent, server, uri string, cell *endpoint.Cell) policy.Decision {
	d := rules.DecideResource(agent, server, uri)
	if d.Step != policy.ResourceNotAllowed || !IsPage(uri) {
		return d
	}
	catalog := cell.Catalog()
	for _, tool := range catalog.Tools {
		if !slices.Contains(PagesNamed(tool.Raw), uri) {
			continue
		}
		if granted := endpoint.DecideTool(rules, agent, server, tool.Name, catalog); granted.Allow {
			return granted
		}
	}
	return d
}

// decideSubscribe decides for one agent; for any, if another gateway asks for all of its
// own at once. That one decides about each update.
func decideSubscribe(rules *policy.Policy, agent, server, uri string) policy.Decision {
	if agent != "" {
		return rules.DecideResource(agent, server, uri)
	}
	for _, id := range rules.Agents() {
		if d := rules.DecideResource(id, server, uri); d.Allow {
			return d
		}
	}
	return policy.Decision{Step: policy.ResourceNotAllowed}
}

// decideTask decides whether an agent may use the server: whose task it is the other
// gateway knows. Where that one wants to hear of tasks somebody must.
func decideTask(rules *policy.Policy, p Passed, server string) policy.Decision {
	if !p.Hear {
		return rules.Decide(p.Agent, server, "")
	}
	for _, id := range rules.Agents() {
		if d := rules.Decide(id, server, ""); d.Allow {
			return d
		}
	}
	return policy.Decision{Step: policy.ServerNotAllowed}
}

func decideComplete(rules *policy.Policy, server string, p Passed) policy.Decision {
	if !rawjson.Valid(p.Params) || rawjson.Misnamed(p.Params, "ref") != nil {
		return notPassed
	}
	switch list, name := OfRef(rawjson.Get(p.Params, "ref")); {
	case name == "":
		return notPassed
	case list == endpoint.Prompts:
		return rules.DecidePrompt(p.Agent, server, name)
	default:
		return rules.DecideTemplate(p.Agent, server, name)
	}
}

// OfRef is what the reference of a completion is about: a prompt, or a template of
// resources by its text. The name is empty if it is about neither, or could be read in two
// ways.
func OfRef(ref json.RawMessage) (list endpoint.List, name string) {
	if rawjson.First(ref) != '{' || rawjson.Misnamed(ref, "type", "name", "uri") != nil {
		return 0, ""
	}
	switch rawjson.Text(rawjson.Get(ref, "type")) {
	case "ref/prompt":
		return endpoint.Prompts, rawjson.Text(rawjson.Get(ref, "name"))
	case "ref/resource":
		return endpoint.Templates, rawjson.Text(rawjson.Get(ref, "uri"))
	}
	return 0, ""
}
