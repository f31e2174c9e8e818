package clients

import "gatehouse/internal/serversfile"

var cline = &Client{
	ID: "cline", Title: "Cline",
	files: func(p Place) []File {
		paths := []string{p.home(".cline", "data", "settings", "cline_mcp_settings.json")}
		for _, product := range []string{"Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"} {
			paths = append(paths, p.support(product, "User", "globalStorage", "saoudrizwan.claude-dev", "settings", "cline_mcp_settings.json"))
		}
		return user(paths...)
	},
	read:    readServers("mcpServers"),
	dialect: dialect{variables: inBraces, bare: serversfile.SSE, times: map[string]timeLimit{"timeout": callSeconds}},
	connect: &connection{
		file:  func(_ Place, files []File, exists func(string) bool) string { return firstThere(files, exists) },
		keys:  []string{"mcpServers"},
		entry: clineEntry,
		after: "Cline reads it at once.",
	},
}

// clineEntry nests the transport.
func clineEntry(c Command) []field {
	return []field{{"transport", append([]field{{"type", "stdio"}}, c.fields()...)}, {"disabled", false}}
}

// firstThere is the first file that is there, else the first.
func firstThere(files []File, exists func(string) bool) string {
	for _, f := range files {
		if exists(f.Path) {
			return f.Path
		}
	}
	return files[0].Path
}
