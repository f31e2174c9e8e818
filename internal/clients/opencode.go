package clients

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
)

var openCode = &Client{
	ID: "opencode", Title: "opencode",
	files: func(p Place) []File {
		var files []File
		for _, name := range []string{"config.json", "opencode.json", "opencode.jsonc"} {
			files = append(files, File{Path: openCodeFolder(p, name)})
		}
		return append(files, p.inProject("opencode.json"), p.inProject("opencode.jsonc"))
	},
	read:    readOpenCode,
	dialect: dialect{variables: variables{curly: true}, times: map[string]timeLimit{"timeout": startMillis}},
	connect: &connection{
		file: func(p Place, files []File, exists func(string) bool) string {
			return firstThere(user(openCodeFolder(p, "opencode.jsonc"), openCodeFolder(p, "opencode.json"), openCodeFolder(p, "config.json")), exists)
		},
		keys: []string{"mcp"},
		entry: func(c Command) []field {
			return []field{{"type", "local"}, {"command", append([]string{c.Path}, c.Args...)}, {"enabled", true}}
		},
		after: "opencode reads it at its next start: \"opencode mcp list\" shows it.",
	},
}

func openCodeFolder(p Place, name string) string {
	if p.GOOS == windows || !filepath.IsAbs(p.Getenv("XDG_CONFIG_HOME")) {
		return p.home(".config", "opencode", name)
	}
	return p.config("opencode", name)
}

func readOpenCode(r *reader, root *jsondoc.Node) {
	servers := root.Member("mcp")
	if inner := at(servers, "servers"); inner != nil && inner.Kind == jsondoc.KindObject && inner.Member("type") == nil {
		servers = inner
	}
	first := len(r.found.Servers)
	r.servers(servers, r.from.Base)
	r.found.spelled = openCodeName
	r.openCodeTools(root.Member("tools"), r.found.Servers[first:])
	r.openCodeTools(root.Member("permission"), r.found.Servers[first:])
	for _, key := range []string{"agent", "mode"} {
		for _, m := range members(root.Member(key)) {
			if m.Value.Member("tools") != nil || m.Value.Member("permission") != nil {
				r.say(m.KeyPos(), "", Attention, "%s.%s has tools of its own: gatehouse does not know which of a client's agents is calling; pin each with --agent, and write rules for it",
					key, show(m.Key))
			}
		}
	}
}

// openCodeTools makes rules of what is switched off: opencode calls a tool
// SERVER_TOOL, and of several patterns the longest counts.
func (r *reader) openCodeTools(n *jsondoc.Node, servers []*Server) {
	for _, m := range members(n) {
		if !openCodeDenies(m.Value) {
			continue
		}
		pattern, _ := denied(m.Key)
		met := false
		for _, s := range servers {
			prefix := openCodeName(s.Name) + "_"
			for _, tool := range after(pattern, prefix) {
				met = true
				if tool == "" {
					continue
				}
				if tool != policy.Wildcard {
					s.Denied = append(s.Denied, tool)
				} else if again := openCodeAllowed(n, prefix, m.Key); len(again) > 0 {
					s.Allowed = &again
				} else {
					s.Kept = true
				}
			}
		}
		if server, tool, ok := strings.Cut(pattern, "_"); !met && ok && server != "" && tool != "" && !strings.Contains(server, policy.Wildcard) {
			r.deny(server, tool)
		}
	}
}

func openCodeDenies(n *jsondoc.Node) bool { return n.Text() == "false" || n.Text() == "deny" }

// openCodeAllowed are the tools of a server that are switched on again by a longer
// pattern.
func openCodeAllowed(n *jsondoc.Node, prefix, than string) (tools []string) {
	for _, m := range members(n) {
		name, ok := strings.CutPrefix(m.Key, prefix)
		if ok && name != "" && len(m.Key) > len(than) && !openCodeDenies(m.Value) && m.Value.Text() != "" && !strings.ContainsAny(name, "?[]{}") {
			tools = append(tools, name)
		}
	}
	return tools
}

// after are the patterns of what may follow a prefix in a text that a pattern
// matches.
func after(pattern, prefix string) []string {
	if prefix == "" {
		return []string{pattern}
	}
	if pattern == "" {
		return nil
	}
	if pattern[0] != '*' {
		if pattern[0] != prefix[0] {
			return nil
		}
		return after(pattern[1:], prefix[1:])
	}
	// The star takes all of the prefix, or a part of it.
	rest := []string{pattern}
	for i := range prefix {
		for _, p := range after(pattern[1:], prefix[i:]) {
			if p != "" && pattern[1:] != "" {
				rest = append(rest, p)
			}
		}
	}
	return rest
}

// openCodeName is a server's name as the names of its tools have it.
func openCodeName(name string) string { return claudeName(name) }
