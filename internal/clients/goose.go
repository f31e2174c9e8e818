package clients

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

var goose = &Client{
	ID: "goose", Title: "Goose",
	files: func(p Place) []File {
		dir := gooseFolder(p)
		return user(filepath.Join(dir, "config.yaml"), filepath.Join(dir, "permission.yaml"))
	},
	read:    readGoose,
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{"timeout": callSeconds}, emptyMeansAll: true},
	connect: &connection{
		file: func(p Place, _ []File, _ func(string) bool) string {
			return filepath.Join(gooseFolder(p), "config.yaml")
		},
		keys: []string{"extensions"},
		entry: func(c Command) []field {
			return []field{
				{"enabled", true},
				{"type", "stdio"},
				{"name", EntryName},
				{"description", "The MCP servers behind gatehouse"},
				{"cmd", c.Path},
				{"args", c.Args},
				{"timeout", 300},
			}
		},
		after: "Goose reads it at the start of a session.",
	},
}

func gooseFolder(p Place) string {
	if p.GOOS == windows {
		return p.config("Block", "goose", "config")
	}
	return p.config("goose")
}

func readGoose(r *reader, root *jsondoc.Node) {
	r.servers(root.Member("extensions"), r.from.Base)
	for _, n := range members(root) { // permission.yaml: {user: {never_allow: [SERVER__TOOL]}}.
		names, _ := texts(n.Value.Member("never_allow"))
		for _, name := range names {
			server, tool, ok := strings.Cut(name, "__")
			switch {
			case ok && server != "" && tool != "":
				r.deny(server, tool)
			case name != "":
				r.deny(policy.Wildcard, name)
			}
		}
	}
}
