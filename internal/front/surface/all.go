package surface

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// All is everything that an agent may use of all servers, under names that say
// whose it is. It implements agents.Surface.
type All struct{ gateway Gateway }

// All makes the surface of all servers.
func (g Gateway) All() *All { return &All{g} }

// Name implements agents.Surface.
func (s *All) Name() string { return "all" }

// Open implements agents.Surface: the rules must know the agent.
func (s *All) Open(c agents.Caller) bool {
	a, ok := s.gateway.Router.Seen(c)
	return ok && a.Snapshot.Policy.HasAgent(a.Agent)
}

// Speaker implements agents.Surface.
func (s *All) Speaker(c agents.Caller) string { return s.gateway.speaker(c) }

// Changed implements agents.Surface.
func (s *All) Changed() <-chan struct{} { return s.gateway.Router.Changed() }

// Marks implements agents.Surface: what is not known of one server is none of it.
func (s *All) Marks(c agents.Caller) agents.Marks {
	marks := agents.Marks{agents.ToolsList: nothing}
	a, ok := s.gateway.Router.Seen(c)
	if !ok {
		return marks
	}
	for server := range a.Servers() {
		for list, kind := range markedKinds {
			known := a.Mark(kind, server)
			if known == 0 {
				continue
			}
			if marks[list] == 0 {
				marks[list] = nothing
			}
			if len(a.Listed(kind, server)) > 0 {
				marks[list] = marks[list]*31 + known
			}
		}
	}
	return marks
}

// markedKinds are the kinds of the lists that have marks.
var markedKinds = [...]*front.Kind{
	agents.ToolsList: &tools, agents.ResourcesList: &resources, agents.TemplatesList: &templates, agents.PromptsList: &prompts,
}

// Introduce implements agents.Surface.
func (s *All) Introduce(_ context.Context, c agents.Caller) (agents.Introduction, *agents.Error) {
	parts := []string{"These are the tools of several MCP servers: a name begins with that of its server."}
	if a, ok := s.gateway.Router.Seen(c); ok {
		words := a.Snapshot.Policy.Words(a.Agent)
		parts = append(parts, words.General, words.Own)
	}
	parts = slices.DeleteFunc(parts, func(text string) bool { return text == "" })
	info := rawjson.AppendString([]byte(`{"name":"gatehouse","version":`), s.gateway.Version)
	const changes = `{"listChanged":true}`
	capabilities := json.RawMessage(`{"tools":` + changes + `,"resources":{"listChanged":true,"subscribe":true},"logging":{},"prompts":` + changes + `,"completions":{}}`)
	return agents.Introduction{
		Capabilities: s.gateway.extended(capabilities, c),
		ServerInfo:   append(info, '}'), Instructions: strings.Join(parts, "\n\n"),
	}, nil
}

// Serve implements agents.Surface.
func (s *All) Serve(ctx context.Context, c agents.Caller, r agents.Request, dst []byte) ([]byte, *agents.Error) {
	v := visit{s.gateway, ctx, c, r, dst}
	switch r.Method {
	case "tools/call":
		server, tool, ok := v.find(&tools, r.Name)
		if !ok {
			return v.noSuchTool(r.Name)
		}
		return v.callTool(server, tool)
	case "tools/list":
		return v.listAll(&allTools)
	case "resources/list":
		return v.listAll(&allResources)
	case "resources/templates/list":
		return v.listAll(&allTemplates)
	case "resources/read":
		return s.readResource(v)
	case "prompts/list":
		return v.listAll(&allPrompts)
	case "prompts/get":
		return s.getPrompt(v)
	case "completion/complete":
		return s.complete(v)
	default:
		if v.isTaskMethod() {
			return v.aboutTasks("")
		}
		if serve := olderMethods(c)[r.Method]; serve != nil {
			return serve(s, v)
		}
		return dst, unknownMethod(r.Method)
	}
}

// getPrompt has the server make a prompt whose name the agent's name stands for.
func (s *All) getPrompt(v visit) ([]byte, *agents.Error) {
	joined := rawjson.Text(rawjson.Get(v.r.Params, "name"))
	v.readFor(joined)
	server, name, ok := v.find(&prompts, joined)
	if !ok {
		return v.notThere(&prompts, joined, rpcInvalidParams)
	}
	return v.makePrompt(server, name, rawjson.AppendString(nil, name))
}

// complete has the server of what the reference names complete an argument.
func (s *All) complete(v visit) ([]byte, *agents.Error) {
	ref := rawjson.Get(v.r.Params, "ref")
	p, ok := completed(ref)
	if !ok {
		return v.refuse(notARef)
	}
	member, server, name := "name", "", ""
	if p.kind == &prompts {
		v.readFor(p.name)
		server, name, ok = v.find(&prompts, p.name)
	} else {
		member = "uri"
		server, name, ok = splitURI(p.name)
	}
	if !ok {
		return v.notThere(p.kind, p.name, rpcInvalidParams)
	}
	p.name = name
	return v.completeBy(server, p, rawjson.Set(ref, member, rawjson.AppendString(nil, name)))
}

// readResource reads a resource by its prefixed URI, or by the server's own if only
// one server can be meant.
func (s *All) readResource(v visit) ([]byte, *agents.Error) {
	_, uri, ok := v.uri()
	if !ok {
		return v.refuse(notAURI)
	}
	server, own, prefixed := splitURI(uri)
	if !prefixed {
		v.read(&resources, &templates)
		servers := v.whoseURI(uri)
		switch len(servers) {
		case 0:
			return v.notThere(&resources, uri, noResource(v.caller))
		case 1:
			server, own = servers[0], uri
		default:
			return v.ambiguous(uri, servers)
		}
	}
	p := reading(v.caller, own, rawjson.AppendString(nil, own))
	p.shown = func(_ *front.Attempt, result json.RawMessage) json.RawMessage {
		if !prefixed {
			return result // The agent gets the URIs that it uses.
		}
		return prefixedContents(result, uriPrefix(server))
	}
	return v.forward(server, p)
}
