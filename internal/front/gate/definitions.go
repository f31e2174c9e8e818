package gate

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
)

// The names of the gateway's tools.
const (
	listServers      = "list_servers"
	getServerTools   = "get_server_tools"
	executeTool      = "execute_tool"
	getGatewayStatus = "get_gateway_status"
)

const agentIDText = "Your agent name, only if your instructions give you one; else leave out."

// property is one argument of a tool, in the words of its schema.
type property struct {
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
}

type schema struct {
	Type       string              `json:"type"`
	Properties map[string]property `json:"properties"`
	Required   []string            `json:"required,omitempty"`
}

type definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema schema          `json:"inputSchema"`
	Annotations map[string]bool `json:"annotations,omitempty"`
}

func definitions() []definition {
	readOnly := map[string]bool{"readOnlyHint": true}
	text := func(d string) property { return property{Type: "string", Description: d} }
	return []definition{
		{
			Name:        listServers,
			Description: "Step 1 of 3. Lists the MCP servers behind this gateway that you may use, with what each is for. Then call get_server_tools.",
			InputSchema: schema{Type: "object", Properties: map[string]property{
				"agent_id":         text(agentIDText),
				"include_metadata": {Type: "boolean", Description: "Add transport and command or url."},
			}},
			Annotations: readOnly,
		},
		{
			Name: getServerTools,
			Description: "Step 2 of 3. Returns tool definitions of one server, only tools you may use. Narrow big servers with pattern or names; " +
				"names left out for size are listed in omitted: ask for them with names.",
			InputSchema: schema{Type: "object", Properties: map[string]property{
				"agent_id":          text(agentIDText),
				"server":            text("Name from list_servers."),
				"names":             text("Only these tools, comma-separated."),
				"pattern":           text("Only tools that match; * is any text."),
				"max_schema_tokens": {Type: "integer", Description: "Budget for all definitions."},
			}, Required: []string{"server"}},
			Annotations: readOnly,
		},
		{
			Name: executeTool,
			Description: "Step 3 of 3. Runs one tool of a server and returns its result. Read its inputSchema with get_server_tools first. " +
				"Put the tool's own parameters inside args. On isError read error.code and message: they say whether to fix the call, wait, or tell the user.",
			InputSchema: schema{Type: "object", Properties: map[string]property{
				"agent_id":   text(agentIDText),
				"server":     text("Name from list_servers."),
				"tool":       text("Name from get_server_tools."),
				"args":       {Type: "object", Description: "The tool's own parameters."},
				"timeout_ms": {Type: "integer", Description: "At least 100."},
			}, Required: []string{"server", "tool"}},
		},
		{
			Name:        getGatewayStatus,
			Description: "Shows the state of the gateway and of the servers that you may use.",
			InputSchema: schema{Type: "object", Properties: map[string]property{"agent_id": text(agentIDText)}},
			Annotations: readOnly,
		},
	}
}

// Definitions implements agents.ToolHandler. agent_id is left out where the
// pin leaves no choice.
func (g *Gate) Definitions() []json.RawMessage { return g.definitions(len(g.router.Pinned()) == 1) }

// PinnedDefinitions are Definitions for callers whose credential leaves them
// one agent to be.
func (g *Gate) PinnedDefinitions() []json.RawMessage { return g.definitions(true) }

func (g *Gate) definitions(oneAgent bool) []json.RawMessage {
	list := definitions()
	if !g.cfg.Debug {
		list = slices.DeleteFunc(list, func(d definition) bool { return d.Name == getGatewayStatus })
	}
	raw := make([]json.RawMessage, 0, len(list))
	for _, d := range list {
		if oneAgent {
			delete(d.InputSchema.Properties, "agent_id")
		}
		b, err := json.Marshal(d)
		if err != nil {
			panic("internal: tool definition: " + err.Error())
		}
		raw = append(raw, b)
	}
	return raw
}

// argumentNames lists what each tool takes, sorted.
var argumentNames = sync.OnceValue(func() map[string][]string {
	names := map[string][]string{}
	for _, d := range definitions() {
		names[d.Name] = slices.Sorted(maps.Keys(d.InputSchema.Properties))
	}
	return names
})
