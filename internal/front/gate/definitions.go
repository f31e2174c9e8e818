package gate

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// The names of the gateway's tools.
const (
	searchTools      = "search_tools"
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

// definitions are those of all tools, with every argument and without hints.
func definitions() []definition {
	agentID := property{name: "agent_id", Type: "string", Description: "Only if your instructions give you one."}
	server := property{name: "server", Type: "string", Description: "Its exact name."}
	return []definition{
		{
			Name: searchTools, Title: "Search tools",
			Description: "Finds tools of all servers by what they do or by name, best first, the first ones with definitions: " +
				"call those with execute_tool at once. Ask for one step in a few words: action and thing.",
			InputSchema: schema{Type: "object", Properties: properties{
				{name: "query", Type: "string", Description: "Such as: create branch"},
				{name: "server", Type: "string", Description: "Only this one."},
				{name: "limit", Type: "integer", Description: "1 to 50; default 10."},
				{name: "max_schema_tokens", Type: "integer", Description: "Budget; default 1200. 0: names only."},
				agentID,
			}, Required: []string{"query"}},
			Annotations: &annotations{ReadOnly: true},
		},
		{
			Name: listServers, Title: "List servers",
			Description: "Lists the MCP servers that you may use, with what each is for.",
			InputSchema: schema{Type: "object", Properties: properties{
				{name: "include_metadata", Type: "boolean", Description: "Add transport and command or url."},
				agentID,
			}},
			Annotations: &annotations{ReadOnly: true},
		},
		{
			Name: getServerTools, Title: "Get a server's tools",
			Description: "Returns the definitions of one server's tools that you may use. Narrow big servers with pattern or names; " +
				"omitted has those left out for size: ask for them with names.",
			InputSchema: schema{Type: "object", Properties: properties{
				server,
				{name: "names", Type: "string", Description: "Only these, such as: read_file,write_file"},
				{name: "pattern", Type: "string", Description: "Only what matches, such as list_*."},
				{name: "max_schema_tokens", Type: "integer", Description: "Budget; default 8000."},
				agentID,
			}, Required: []string{"server"}},
			Annotations: &annotations{ReadOnly: true},
		},
		{
			Name: executeTool, Title: "Run a tool",
			Description: "Runs one tool of a server and returns its result. Read its inputSchema first: search_tools or get_server_tools have it. " +
				"Its parameters go inside args. On isError, error.message says whether to fix the call, wait, or tell the user.",
			InputSchema: schema{Type: "object", Properties: properties{
				server,
				{name: "tool", Type: "string", Description: "Its exact name."},
				{name: "args", Type: "object", Description: "The tool's own parameters."},
				{name: "timeout_ms", Type: "integer", Description: "At least 100."},
				agentID,
			}, Required: []string{"server", "tool"}},
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
func (g *Gate) Definitions() []json.RawMessage {
	return g.definitions(len(g.router.Pinned()) == 1, nil)
}

// DefinitionsFor are Definitions for one caller: agent_id is left out where its
// credential leaves no choice too, and if the connection settles who calls, a hint
// names the servers that it may use. What is exposed to it follows.
func (g *Gate) DefinitionsFor(caller agents.Caller) []json.RawMessage {
	one := len(g.router.Pinned()) == 1 || caller.Identity != nil && len(caller.Identity.Agents) == 1
	var servers []string
	if a, known := g.router.Known(caller); known {
		servers = usableNames(a)
	}
	return append(g.definitions(one, servers), g.cfg.Exposed.Definitions(caller)...)
}

func (g *Gate) definitions(oneAgent bool, servers []string) []json.RawMessage {
	list := definitions()
	if !g.cfg.Debug {
		list = slices.DeleteFunc(list, func(d definition) bool { return d.Name == getGatewayStatus })
	}
	room := maxHinted
	if oneAgent {
		room = maxHintedAlone
	}
	raw := make([]json.RawMessage, 0, len(list))
	for _, d := range list {
		if oneAgent {
			d.InputSchema.Properties = slices.DeleteFunc(d.InputSchema.Properties, func(p property) bool { return p.name == "agent_id" })
		}
		if !g.cfg.NoClientHints {
			d.Meta = hints(d.Name, servers, room)
		}
		b, err := rawjson.Marshal(d)
		if err != nil {
			panic("internal: tool definition: " + err.Error())
		}
		raw = append(raw, b)
	}
	return raw
}

// maxHinted is how many bytes the names of servers may have in a hint, and
// maxHintedAlone where agent_id is left out: what the definitions cost is bounded.
const (
	maxHinted      = 44
	maxHintedAlone = 110
)

// hints are for clients that load only the names of most tools and search for the
// rest: these two are to be there from the start, and whoever searches for what a
// server is named after finds the one that searches.
func hints(tool string, servers []string, room int) map[string]any {
	switch tool {
	case executeTool:
		return map[string]any{"anthropic/alwaysLoad": true}
	case searchTools:
		return map[string]any{"anthropic/alwaysLoad": true, "anthropic/searchHint": searchHint(servers, room)}
	}
	return nil
}

// searchHint names as many of the servers as there is room for, in bytes.
func searchHint(servers []string, room int) string {
	n := 0
	for ; n < len(servers); n++ {
		if room -= len(servers[n]) + len(", "); room < 0 {
			break
		}
	}
	hint := "find a tool of any server for a task"
	if n > 0 {
		hint += ": " + strings.Join(servers[:n], ", ")
	}
	return hint
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
