package clients

var windsurf = &Client{
	ID: "windsurf", Title: "Windsurf",
	files: func(p Place) []File {
		return user(p.home(".codeium", "windsurf", "mcp_config.json"), p.home(".codeium", "mcp_config.json"))
	},
	read:    readServers("mcpServers"),
	dialect: dialect{variables: inBraces},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Press the button that refreshes the list of MCP servers in Windsurf's settings.",
	},
}
