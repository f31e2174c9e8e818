package clients

import (
	"path/filepath"
	"slices"

	"gatehouse/internal/jsondoc"
)

var jetBrains = &Client{
	ID: "jetbrains", Title: "JetBrains (AI Assistant, Junie, Copilot)",
	files: func(p Place) []File {
		copilotFile := p.config("github-copilot", "intellij", "mcp.json")
		if p.GOOS == windows {
			copilotFile = p.home("AppData", "Local", "github-copilot", "intellij", "mcp.json")
		}
		files := user(p.home(".junie", "mcp", "mcp.json"), copilotFile, p.home(".ai", "mcp", "mcp.json"))
		// Each version of each IDE has a folder of its own.
		files = append(files, user(p.Glob(p.support("JetBrains"), "*/options/llm.mcpServers.xml")...)...)
		return append(files, p.inProject(".junie", "mcp", "mcp.json"), p.inProject(".ai", "mcp", "mcp.json"), p.inProject(".idea", "workspace.xml"))
	},
	read:    readJetBrains,
	dialect: dialect{variables: inBraces},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "That is Junie's file. The AI Assistant takes the same entry in Settings, Tools, AI Assistant, Model Context Protocol, as JSON.",
	},
}

// readJetBrains reads a file of any of the three.
func readJetBrains(r *reader, root *jsondoc.Node) {
	readServers("mcpServers", "servers")(r, root)
	for _, m := range members(root.Member("states")) {
		r.state(m)
	}
	if root.Member("mcpServers") == nil && filepath.Base(filepath.Dir(filepath.Dir(r.from.Path))) == ".ai" &&
		!slices.ContainsFunc(root.Members(), func(m jsondoc.Member) bool { return m.Value.Kind != jsondoc.KindObject }) {
		r.servers(root, r.from.Base) // The AI Assistant takes the servers themselves, too.
	}
}

// state reads what an IDE says of a server that another file defines. It is applied
// when all files have been read.
func (r *reader) state(m jsondoc.Member) {
	off, tools := m.Value.Member("enabled"), m.Value.Member("enabledTools")
	r.found.states = append(r.found.states, func(s *Server) {
		e := entryReader{reader: r, server: s}
		switch {
		case s.Name != printable(m.Key):
			return
		case off != nil && off.Text() == "false":
			e.note(Info, "it is off in %s", show(r.from.Path))
			e.off()
		}
		if tools != nil {
			e.allowTools(jsondoc.Member{Key: "allowedToolsNames", Value: tools})
		}
	})
}
