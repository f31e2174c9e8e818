package clients

import (
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
)

var gemini = &Client{
	ID: "gemini", Title: "Gemini CLI",
	files: func(p Place) []File {
		return append(user(p.home(".gemini", "settings.json")), p.inProject(".gemini", "settings.json"))
	},
	read:    readGemini,
	dialect: dialect{variables: variables{braces: true, dollar: true}, bare: serversfile.SSE, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Gemini CLI reads it at its next start: \"gemini mcp list\" shows it. In folders that it does not trust it leaves MCP servers off.",
	},
}

func readGemini(r *reader, root *jsondoc.Node) {
	r.servers(root.Member("mcpServers"), r.from.Base)
	for _, n := range []*jsondoc.Node{at(root, "mcp", "excluded"), root.Member("excludeMCPServers")} {
		r.denyServers(n)
	}
	for _, n := range []*jsondoc.Node{at(root, "mcp", "allowed"), root.Member("allowMCPServers")} {
		names, ok := texts(n)
		if !ok {
			r.say(n.Pos(), "", Attention, "the list of allowed servers cannot be read: nothing is allowed")
		}
		if n != nil && (len(names) > 0 || !ok) {
			r.found.only = append(r.found.only, names)
		}
	}
	for _, n := range []*jsondoc.Node{at(root, "tools", "exclude"), root.Member("excludeTools")} {
		names, _ := texts(n)
		for _, name := range names {
			r.deny(policy.Wildcard, name)
		}
	}
	if at(root, "mcp", "serverCommand") != nil {
		r.say(at(root, "mcp", "serverCommand").Pos(), "", Attention, "mcp.serverCommand starts a server without a name: write an entry for it")
	}
}

// denyServers keeps the client from the servers of a list.
func (r *reader) denyServers(n *jsondoc.Node) {
	names, ok := texts(n)
	if !ok {
		r.say(n.Pos(), "", Attention, "a list of forbidden servers cannot be read: look at what it forbids, and write rules")
	}
	for _, name := range names {
		r.deny(name, policy.Wildcard)
	}
}
