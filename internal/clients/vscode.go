package clients

import (
	"path/filepath"

	"gatehouse/internal/jsondoc"
)

var vsCode = &Client{
	ID: "vscode", Title: "VS Code", Searches: true,
	files: func(p Place) []File {
		var paths []string
		for _, product := range []string{"Code", "Code - Insiders", "VSCodium"} {
			dir := p.support(product, "User")
			paths = append(paths, filepath.Join(dir, "mcp.json"), filepath.Join(dir, "settings.json"))
		}
		return append(user(paths...), p.inProject(".vscode", "mcp.json"), p.inProject(".vscode", "settings.json"))
	},
	read:    readVSCode,
	dialect: dialect{variables: inBraces, envFile: true},
	connect: &connection{
		file: func(p Place, files []File, exists func(string) bool) string {
			for _, i := range []int{0, 2, 4} {
				if exists(filepath.Dir(files[i].Path)) {
					return files[i].Path
				}
			}
			return files[0].Path
		},
		keys:  []string{"servers"},
		entry: func(c Command) []field { return append([]field{{"type", "stdio"}}, c.fields()...) },
		after: "VS Code asks once whether it trusts the server, when its tools are first used.",
	},
}

// readVSCode reads an mcp.json, or the part of settings that is one.
func readVSCode(r *reader, root *jsondoc.Node) {
	for _, n := range []*jsondoc.Node{root, root.Member("mcp")} {
		for _, in := range elements(at(n, "inputs")) {
			id, about := at(in, "id"), at(in, "description")
			if id != nil {
				r.inputs[id.Text()] = "a value that VS Code asks for"
				if about != nil && about.Text() != "" {
					r.inputs[id.Text()] += " (" + show(about.Text()) + ")"
				}
			}
		}
	}
	for _, n := range []*jsondoc.Node{
		root.Member("servers"), root.Member("mcpServers"), at(root, "mcp", "servers"), root.Member("mcp.servers"), root.Member("chat.mcp.servers"),
	} {
		r.servers(n, r.from.Base)
	}
}
