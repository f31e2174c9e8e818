package clients

import "gatehouse/internal/jsondoc"

var claudeDesktop = &Client{
	ID: "claude-desktop", Title: "Claude Desktop",
	files: func(p Place) []File { return user(p.support("Claude", "claude_desktop_config.json")) },
	read:  readServers("mcpServers"),
	// It replaces no variables: ${X} is a text there.
	dialect: dialect{variables: literal},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: Command.fields,
		after: "Quit Claude Desktop and start it again.",
	},
}

// readServers reads a file that has its servers in an object, or a list, below
// one of these keys.
func readServers(keys ...string) func(*reader, *jsondoc.Node) {
	return func(r *reader, root *jsondoc.Node) {
		for _, key := range keys {
			r.servers(root.Member(key), r.from.Base)
		}
	}
}
