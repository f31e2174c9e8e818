package clients

import (
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

var amazonQ = &Client{
	ID: "amazon-q", Title: "Amazon Q",
	files: func(p Place) []File {
		dir := p.home(".aws", "amazonq")
		files := user(filepath.Join(dir, "mcp.json"), filepath.Join(dir, "default.json"), filepath.Join(dir, "agents", "default.json"))
		for _, path := range p.Glob(dir, "cli-agents/*.json") {
			files = append(files, File{Path: path})
		}
		files = append(files, p.inProject(".amazonq", "mcp.json"), p.inProject(".amazonq", "default.json"))
		for _, path := range p.Glob(p.WorkDir, ".amazonq/cli-agents/*.json") {
			files = append(files, File{Path: path, Base: p.WorkDir})
		}
		return files
	},
	read:    readAmazonQ,
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Amazon Q reads it at its next start: \"q mcp list\" shows it. An agent of its own needs \"@gatehouse\" among its tools.",
	},
}

// readAmazonQ reads an mcp.json or an agent, whose tools say which servers and
// tools it may use: "*", "@server", "@server/tool".
func readAmazonQ(r *reader, root *jsondoc.Node) {
	first := len(r.found.Servers)
	r.servers(root.Member("mcpServers"), r.from.Base)
	tools := root.Member("tools")
	names, ok := texts(tools)
	if tools == nil || ok && slices.Contains(names, policy.Wildcard) {
		return
	}
	for _, s := range r.found.Servers[first:] {
		e := entryReader{reader: r, server: s}
		if !ok {
			e.unreadable("tools")
			continue
		}
		own := []string{}
		whole := false
		for _, name := range names {
			server, tool, single := strings.Cut(strings.TrimPrefix(name, "@"), "/")
			switch {
			case !strings.HasPrefix(name, "@") || !policy.MatchPattern(server, s.Name):
			case single:
				own = append(own, tool)
			default:
				whole = true
			}
		}
		switch {
		case whole:
		case len(own) == 0:
			s.Kept = true
		default:
			e.allowOnly(own)
		}
	}
	if approved, _ := texts(root.Member("allowedTools")); len(approved) > 0 {
		r.say(root.KeyPos("allowedTools"), "", Info, "allowedTools restricts nothing: what is asked before a call stays the client's affair")
	}
}
