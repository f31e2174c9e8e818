package clients

import (
	"path/filepath"

	"gatehouse/internal/jsondoc"
)

var codex = &Client{
	ID: "codex", Title: "Codex", Searches: true,
	files: func(p Place) []File {
		dir := p.folderOr("CODEX_HOME", p.home(".codex"))
		return append(user(filepath.Join(dir, "config.toml")), p.inProject(".codex", "config.toml"))
	},
	read: readCodex,
	dialect: dialect{variables: literal, times: map[string]timeLimit{
		"startup_timeout_sec": startSeconds, "startup_timeout_ms": startMillis, "tool_timeout_sec": callSeconds,
	}},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcp_servers"},
		entry: Command.fields,
		after: "Codex reads it at its next start: \"codex mcp list\" shows it.",
	},
}

func readCodex(r *reader, root *jsondoc.Node) {
	r.servers(root.Member("mcp_servers"), r.from.Base)
	for _, plugin := range members(root.Member("plugins")) {
		for _, server := range members(plugin.Value.Member("mcp_servers")) {
			for _, m := range server.Value.Members() {
				switch m.Key {
				case "disabled_tools":
					names, _ := texts(m.Value)
					for _, name := range names {
						r.deny(server.Key, name)
					}
				case "enabled", "enabled_tools":
					r.say(m.KeyPos(), server.Key, Attention, "%s is about a server of the plugin %s, which stays with Codex", m.Key, show(plugin.Key))
				}
			}
		}
	}
}
