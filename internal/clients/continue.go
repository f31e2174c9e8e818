package clients

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
)

var continueDev = &Client{
	ID: "continue", Title: "Continue",
	files: func(p Place) []File {
		dir := p.folderOr("CONTINUE_GLOBAL_DIR", p.home(".continue"))
		files := user(filepath.Join(dir, "config.yaml"), filepath.Join(dir, "config.json"))
		for _, in := range []struct{ dir, base string }{{dir, ""}, {filepath.Join(p.WorkDir, ".continue"), p.WorkDir}} {
			for _, ext := range []string{"*.yaml", "*.yml", "*.json"} {
				for _, path := range p.Glob(in.dir, "mcpServers/"+ext) {
					files = append(files, File{Path: path, Base: in.base})
				}
			}
		}
		return files
	},
	read:    readContinue,
	dialect: dialect{variables: variables{braces: true, hub: true}, times: map[string]timeLimit{"connectionTimeout": startMillis}},
	connect: &connection{
		file: func(p Place, _ []File, _ func(string) bool) string {
			return filepath.Join(p.folderOr("CONTINUE_GLOBAL_DIR", p.home(".continue")), "config.yaml")
		},
		keys: []string{"mcpServers"}, listed: true,
		entry: func(c Command) []field { return append([]field{{"name", EntryName}}, c.fields()...) },
		after: "Reload Continue's configuration; its tools are for the agent mode.",
	},
}

// readContinue reads config.yaml, config.json, or a file of .continue/mcpServers:
// a block, a file as other clients have them, or one server.
func readContinue(r *reader, root *jsondoc.Node) {
	r.servers(root.Member("mcpServers"), r.from.Base)
	r.servers(at(root, "experimental", "modelContextProtocolServers"), r.from.Base)
	config := strings.HasPrefix(filepath.Base(r.from.Path), "config.")
	if !config && root.Member("mcpServers") == nil && (root.Member("command") != nil || root.Member("url") != nil) {
		name := filepath.Base(r.from.Path)
		r.entry(name[:len(name)-len(filepath.Ext(name))], root.Pos(), root, r.from.Base)
	}
}
