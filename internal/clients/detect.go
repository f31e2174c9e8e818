package clients

import (
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

// other is a program that is not known: its servers are written as most do.
var other = &Client{
	ID: "imported", Title: "another program",
	files: func(Place) []File { return nil },
	read: func(r *reader, root *jsondoc.Node) {
		if root.Kind == jsondoc.KindArray {
			r.servers(root, r.from.Base)
			return
		}
		readServers("mcpServers", "servers", "mcp_servers", "amp.mcpServers")(r, root)
		if len(r.found.Servers) == 0 {
			r.say(root.Pos(), "", Left, "no MCP servers were found in it")
		}
	},
	dialect: dialect{variables: inBraces, envFile: true},
}

// Detect says whose file this is: by its path, else by what is in it. Base is
// filled in.
func Detect(path string, data []byte, p Place) (*Client, File) {
	file := File{Path: path, Base: projectOf(path)}
	for _, c := range all {
		for _, f := range c.Files(p) {
			if f.Path == path {
				return c, f
			}
		}
	}
	if c := byName(path); c != nil {
		return c, file
	}
	doc, _ := Document(path, data)
	if doc == nil {
		return other, file
	}
	for _, m := range marks {
		if m.in(doc.Root) {
			return m.client, file
		}
	}
	return other, file
}

// projectOf is the project that a file belongs to, by the folder that it is in;
// empty if it belongs to none.
func projectOf(path string) string {
	dir := filepath.Dir(path)
	switch filepath.Base(dir) {
	case ".cursor", ".vscode", ".roo", ".amazonq", ".gemini", ".codex", ".claude", ".zed", ".github", ".continue", ".mcphub", ".idea":
		return filepath.Dir(dir)
	case "mcp", "mcpServers", "cli-agents":
		if inner := filepath.Base(filepath.Dir(dir)); inner == ".junie" || inner == ".ai" || inner == ".continue" || inner == ".amazonq" {
			return filepath.Dir(filepath.Dir(dir))
		}
	}
	switch filepath.Base(path) {
	case ".mcp.json", "opencode.json", "opencode.jsonc":
		return dir
	}
	return ""
}

// byName tells files by names that no other program uses.
func byName(path string) *Client {
	name, dir := filepath.Base(path), filepath.Base(filepath.Dir(path))
	switch {
	case name == "claude_desktop_config.json":
		return claudeDesktop
	case name == ".claude.json" || name == ".mcp.json" || dir == ".claude":
		return claudeCode
	case dir == ".cursor":
		return cursor
	case dir == ".vscode":
		return vsCode
	case name == "mcp_config.json":
		return windsurf
	case name == "cline_mcp_settings.json":
		return cline
	case name == "mcp_settings.json" || dir == ".roo":
		return roo
	case strings.HasPrefix(name, "opencode.json"):
		return openCode
	case filepath.Ext(name) == ".xml" || dir == "mcp" && (filepath.Base(filepath.Dir(filepath.Dir(path))) == ".junie" || filepath.Base(filepath.Dir(filepath.Dir(path))) == ".ai"):
		return jetBrains
	case name == "mcp-config.json":
		return copilot
	case dir == ".gemini":
		return gemini
	case dir == ".codex":
		return codex
	case dir == "cli-agents" || dir == ".amazonq" || dir == "amazonq":
		return amazonQ
	case dir == "mcpServers":
		return continueDev
	case dir == ".lmstudio":
		return lmStudio
	case dir == "mcphub" || dir == ".mcphub":
		return mcpHub
	case dir == "1mcp":
		return oneMCP
	}
	return nil
}

// mark tells a client's file by what is in it.
type mark struct {
	client *Client
	in     func(root *jsondoc.Node) bool
}

var marks = []mark{
	{codex, has("mcp_servers")},
	{goose, func(root *jsondoc.Node) bool {
		return root.Member("extensions") != nil && root.Member("mcpServers") == nil
	}},
	{zed, has("context_servers")},
	{vsCode, has("mcp.servers", "chat.mcp.servers")},
	{vsCode, func(root *jsondoc.Node) bool {
		return at(root, "mcp", "servers") != nil || root.Member("inputs") != nil
	}},
	{openCode, func(root *jsondoc.Node) bool { return root.Member("mcp") != nil && root.Member("mcpServers") == nil }},
	{claudeCode, has("projects", "numStartups")},
	{mcpProxy, has("mcpProxy")},
	{continueDev, func(root *jsondoc.Node) bool {
		n := root.Member("mcpServers")
		return n != nil && n.Kind == jsondoc.KindArray && (root.Member("schema") != nil || root.Member("models") != nil) || root.Member("experimental") != nil
	}},
	{gemini, inEntry("httpUrl", "includeTools", "excludeTools")},
	{windsurf, inEntry("serverUrl")},
	{oneMCP, inEntry("tags", "inheritParentEnv", "envFilter")},
	{roo, inEntry("watchPaths")},
	{mcpHub, inEntry("disabled_tools", "custom_instructions")},
	{vsCode, func(root *jsondoc.Node) bool {
		return root.Member("servers") != nil && root.Member("mcpServers") == nil
	}},
}

func has(keys ...string) func(*jsondoc.Node) bool {
	return func(root *jsondoc.Node) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return root.Member(key) != nil })
	}
}

// inEntry reports whether some server has one of these keys.
func inEntry(keys ...string) func(*jsondoc.Node) bool {
	return func(root *jsondoc.Node) bool {
		return slices.ContainsFunc(members(root.Member("mcpServers")), func(m jsondoc.Member) bool {
			return m.Value.Kind == jsondoc.KindObject && has(keys...)(m.Value)
		})
	}
}
