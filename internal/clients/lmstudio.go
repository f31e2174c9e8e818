package clients

var lmStudio = &Client{
	ID: "lmstudio", Title: "LM Studio",
	files: func(p Place) []File {
		return user(p.home(".lmstudio", "mcp.json"), p.home(".cache", "lm-studio", "mcp.json"))
	},
	read:    readServers("mcpServers"),
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file:  func(_ Place, files []File, exists func(string) bool) string { return firstThere(files, exists) },
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "LM Studio reads it at once; switch it on in the chat's Program tab.",
	},
}
