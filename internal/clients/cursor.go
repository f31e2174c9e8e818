package clients

var cursor = &Client{
	ID: "cursor", Title: "Cursor",
	files: func(p Place) []File {
		return append(user(p.home(".cursor", "mcp.json")), p.inProject(".cursor", "mcp.json"))
	},
	read:    readServers("mcpServers"),
	dialect: dialect{variables: inBraces, envFile: true},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Cursor shows it in its settings, under MCP; switch it on there if it is off.",
	},
}
