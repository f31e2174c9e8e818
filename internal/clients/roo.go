package clients

var roo = &Client{
	ID: "roo", Title: "Roo Code",
	files: func(p Place) []File {
		var paths []string
		for _, product := range []string{"Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"} {
			paths = append(paths, p.support(product, "User", "globalStorage", "rooveterinaryinc.roo-cline", "settings", "mcp_settings.json"))
		}
		return append(user(paths...), p.inProject(".roo", "mcp.json"))
	},
	read:    readServers("mcpServers"),
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{"timeout": callSeconds}},
	connect: &connection{
		file:  func(_ Place, files []File, exists func(string) bool) string { return firstThere(files[:5], exists) },
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Roo Code reads it at once.",
	},
}
