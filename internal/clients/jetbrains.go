package clients

var jetBrains = &Client{
	ID: "jetbrains", Title: "JetBrains (Junie, Copilot)",
	files: func(p Place) []File {
		copilotFile := p.config("github-copilot", "intellij", "mcp.json")
		if p.GOOS == windows {
			copilotFile = p.home("AppData", "Local", "github-copilot", "intellij", "mcp.json")
		}
		return append(user(p.home(".junie", "mcp", "mcp.json"), copilotFile), p.inProject(".junie", "mcp", "mcp.json"))
	},
	read:    readServers("mcpServers", "servers"),
	dialect: dialect{variables: inBraces},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "That is Junie's file. The AI Assistant takes the same entry in Settings, Tools, AI Assistant, Model Context Protocol, as JSON.",
	},
}
