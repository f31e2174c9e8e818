package clients

import (
	"path/filepath"

	"gatehouse/internal/jsondoc"
)

// seed is the gateway whose format ours continues.
var seed = &Client{
	ID: "agent-mcp-gateway", Title: "agent-mcp-gateway", Agentless: true,
	files: func(p Place) []File {
		dir := p.home(".config", "agent-mcp-gateway")
		return user(filepath.Join(dir, ".mcp.json"), filepath.Join(dir, "mcp.json"), filepath.Join(dir, ".mcp-gateway-rules.json"), filepath.Join(dir, "gateway-rules.json"))
	},
	read: func(r *reader, root *jsondoc.Node) {
		r.servers(root.Member("mcpServers"), r.from.Base)
		for _, m := range members(root.Member("agents")) {
			r.found.Agents = append(r.found.Agents, Agent{ID: m.Key, Rules: jsonText(m.Value), Pos: m.KeyPos()})
		}
		if missing := at(root, "defaults", "deny_on_missing_agent"); missing != nil && missing.Text() == "false" {
			r.found.NamesOptional = true
		}
	},
	dialect: dialect{variables: inBraces},
}

var mcpProxy = &Client{
	ID: "mcp-proxy", Title: "mcp-proxy",
	files: func(p Place) []File {
		return user(p.config("mcp-proxy", "config.json"), p.config("mcp-proxy", "servers.json"))
	},
	read: func(r *reader, root *jsondoc.Node) {
		first := len(r.found.Servers)
		r.servers(root.Member("mcpServers"), r.from.Base)
		for _, m := range members(at(root, "mcpProxy", "options")) { // Of all servers.
			for _, s := range r.found.Servers[first:] {
				e := entryReader{reader: r, server: s}
				switch m.Key {
				case "toolFilter":
					e.toolFilter(m)
				case "authTokens":
					e.authTokens(m)
				}
			}
		}
	},
	dialect: dialect{variables: inBraces},
}

// mcpHub is mcp-hub, with or without Neovim around it.
var mcpHub = &Client{
	ID: "mcp-hub", Title: "mcp-hub",
	files: func(p Place) []File {
		return append(user(p.config("mcphub", "servers.json"), p.config("mcp-hub", "config.json")), p.inProject(".mcphub", "servers.json"))
	},
	read:    readServers("mcpServers", "servers"),
	dialect: dialect{variables: variables{braces: true, dollar: true}, emptyIsOwn: true},
}

var oneMCP = &Client{
	ID: "1mcp", Title: "1mcp",
	files: func(p Place) []File { return user(p.config("1mcp", "mcp.json"), p.home(".config", "1mcp", "mcp.json")) },
	read:  readServers("mcpServers"),
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{
		"timeout": callMillis, "connectionTimeout": startMillis, "requestTimeout": callMillis,
	}},
}
