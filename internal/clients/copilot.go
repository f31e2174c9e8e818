package clients

import "path/filepath"

var copilot = &Client{
	ID: "copilot", Title: "Copilot CLI", Searches: true,
	files: func(p Place) []File {
		dir := p.home(".copilot")
		if xdg := p.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(xdg) {
			dir = filepath.Join(xdg, ".copilot")
		}
		dir = p.folderOr("COPILOT_HOME", dir)
		return append(user(filepath.Join(dir, "mcp-config.json"), p.home(".copilot", "mcp-config.json")), p.inProject(".github", "mcp.json"))
	},
	read:    readServers("mcpServers", "servers"),
	dialect: dialect{variables: variables{braces: true, dollar: true}, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file: func(_ Place, files []File, exists func(string) bool) string { return firstThere(files[:2], exists) },
		keys: []string{"mcpServers"},
		entry: func(c Command) []field {
			return append(append([]field{{"type", "local"}}, c.fields()...), field{"tools", []string{"*"}})
		},
		after: "Copilot CLI reads it at its next start: \"/mcp show\" shows it.",
	},
}
