package gate

import (
	"encoding/json"
	"slices"
	"sync"

	"gatehouse/internal/rawjson"
)

// The names of the gateway's tools.
const (
	listServers      = "list_servers"
	getServerTools   = "get_server_tools"
	executeTool      = "execute_tool"
	getGatewayStatus = "get_gateway_status"
)

// property is one argument of a tool, in the words of its schema.
type property struct {
	name        string
	Type        string `json:"type"`
	Description string `json:"description"`
}

// properties are the arguments of a tool in the order of use: forms show them
// so.
type properties []property

// MarshalJSON writes an object and keeps the order.
func (p properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, each := range p {
		value, err := rawjson.Marshal(each)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(rawjson.AppendString(out, each.name), ':'), value...)
	}
	return append(out, '}'), nil
}

type schema struct {
	Type       string     `json:"type"`
	Properties properties `json:"properties"`
	Required   []string   `json:"required,omitempty"`
}

type definition struct {
	Name        string         `json:"name"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	InputSchema schema         `json:"inputSchema"`
	Annotations *annotations   `json:"annotations,omitempty"`
	Meta        map[string]any `json:"_meta,omitempty"`
}

type annotations struct {
	ReadOnly bool `json:"readOnlyHint"`
}

// deferred is for clients that load only the names of most tools and search
// for the rest: these are to be there from the start.
func deferred(hint string) map[string]any {
	return map[string]any{"anthropic/alwaysLoad": true, "anthropic/searchHint": hint}
}

func definitions() []definition {
	agentID := property{name: "agent_id", Type: "string", Description: "Only if your instructions give you one."}
	server := property{name: "server", Type: "string", Description: "Name from list_servers."}
	return []definition{
		{
			Name: listServers, Title: "List servers",
			Description: "Step 1 of 3. Lists the MCP servers that you may use, with what each is for. Then call get_server_tools.",
			InputSchema: schema{Type: "object", Properties: properties{
				{name: "include_metadata", Type: "boolean", Description: "Add transport and command or url."},
				agentID,
			}},
			Annotations: &annotations{ReadOnly: true},
			Meta:        deferred("find servers and their tools"),
		},
		{
			Name: getServerTools, Title: "Get a server's tools",
			Description: "Step 2 of 3. Returns the definitions of one server's tools that you may use. Narrow big servers with pattern or names; " +
				"omitted has those left out for size: ask for them with names.",
			InputSchema: schema{Type: "object", Properties: properties{
				server,
				{name: "names", Type: "string", Description: "Only these, such as: read_file,write_file"},
				{name: "pattern", Type: "string", Description: "Only what matches, such as list_*."},
				{name: "max_schema_tokens", Type: "integer", Description: "Budget; default 8000."},
				agentID,
			}, Required: []string{"server"}},
			Annotations: &annotations{ReadOnly: true},
			Meta:        deferred("read tool definitions"),
		},
		{
			Name: executeTool, Title: "Run a tool",
			Description: "Step 3 of 3. Runs one tool of a server and returns its result. Read its inputSchema with get_server_tools first. " +
				"Its parameters go inside args. On isError, error.message says whether to fix the call, wait, or tell the user.",
			InputSchema: schema{Type: "object", Properties: properties{
				server,
				{name: "tool", Type: "string", Description: "Name from get_server_tools."},
				{name: "args", Type: "object", Description: "The tool's own parameters."},
				{name: "timeout_ms", Type: "integer", Description: "At least 100."},
				agentID,
			}, Required: []string{"server", "tool"}},
			Meta: deferred("run any tool of any server"),
		},
		{
			Name: getGatewayStatus, Title: "Gateway status",
			Description: "Shows the state of the gateway and of the servers that you may use.",
			InputSchema: schema{Type: "object", Properties: properties{agentID}},
			Annotations: &annotations{ReadOnly: true},
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
			d.InputSchema.Properties = slices.DeleteFunc(d.InputSchema.Properties, func(p property) bool { return p.name == "agent_id" })
		}
		b, err := rawjson.Marshal(d)
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
		for _, p := range d.InputSchema.Properties {
			names[d.Name] = append(names[d.Name], p.name)
		}
		slices.Sort(names[d.Name])
	}
	return names
})
