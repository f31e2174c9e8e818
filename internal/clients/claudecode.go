package clients

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
	"gatehouse/internal/policy"
)

var claudeCode = &Client{
	ID: "claude-code", Title: "Claude Code", Searches: true,
	files: func(p Place) []File {
		dir := p.folderOr("CLAUDE_CONFIG_DIR", p.home(".claude"))
		main := p.home(".claude.json")
		if p.Getenv("CLAUDE_CONFIG_DIR") != "" {
			main = filepath.Join(dir, ".claude.json")
		}
		files := user(main, filepath.Join(dir, "settings.json"), filepath.Join(dir, "settings.local.json"))
		return append(files, p.inProject(".mcp.json"), p.inProject(".claude", "settings.json"), p.inProject(".claude", "settings.local.json"))
	},
	read:    readClaudeCode,
	dialect: dialect{variables: inBraces, times: map[string]timeLimit{"timeout": callMillis}},
	connect: &connection{
		file:  firstFile,
		keys:  []string{"mcpServers"},
		entry: func(c Command) []field { return append([]field{{"type", "stdio"}}, c.fields()...) },
		after: "Claude Code reads it at its next start: \"claude mcp list\" shows it. It is in the user's scope: an entry in a project's .mcp.json would wait for an approval.",
	},
}

// readClaudeCode reads ~/.claude.json, a .mcp.json and settings, which are told
// apart by what is in them.
func readClaudeCode(r *reader, root *jsondoc.Node) {
	r.found.spelled = claudeName
	r.servers(root.Member("mcpServers"), r.from.Base)
	for _, project := range members(at(root, "projects")) {
		base := ""
		if filepath.IsAbs(project.Key) {
			base = filepath.Clean(project.Key)
		}
		r.servers(project.Value.Member("mcpServers"), base)
		r.claudeOff(project.Value)
	}
	r.claudeOff(root)
	r.claudeManaged(root)
	r.claudePermissions(root.Member("permissions"))
}

// claudeOff switches servers off that the user has refused.
func (r *reader) claudeOff(n *jsondoc.Node) {
	for _, key := range []string{"disabledMcpjsonServers", "disabledMcpServers"} {
		names, ok := texts(n.Member(key))
		if !ok {
			r.say(n.Pos(), "", Attention, "%s cannot be read: look at what it forbids, and write rules", key)
		}
		for _, name := range names {
			r.deny(claudeName(name), policy.Wildcard)
		}
	}
}

// claudeManaged reads lists of servers that an administrator allows.
func (r *reader) claudeManaged(root *jsondoc.Node) {
	for _, e := range elements(at(root, "deniedMcpServers")) {
		if name := e.Member("serverName"); name != nil {
			r.deny(claudeName(name.Text()), policy.Wildcard)
		} else {
			r.say(e.Pos(), "", Attention, "deniedMcpServers denies servers by command or address: write rules for them")
		}
	}
	if n := root.Member("allowedMcpServers"); n != nil && n.Kind == jsondoc.KindArray {
		only := []string{}
		for _, e := range n.Elements() {
			if name := e.Member("serverName"); name != nil {
				only = append(only, claudeName(name.Text()))
			}
		}
		r.found.only = append(r.found.only, only)
	}
}

var claudeRule = lazyregexp.New(`^mcp__(.+?)(?:__(.+))?$`)

// claudePermissions makes rules of what is denied.
func (r *reader) claudePermissions(n *jsondoc.Node) {
	rules, ok := texts(at(n, "deny"))
	if !ok {
		r.say(n.Pos(), "", Attention, "permissions.deny cannot be read: look at what it forbids, and write rules")
	}
	for _, rule := range rules {
		name, _, _ := strings.Cut(rule, "(")
		switch m := claudeRule().FindStringSubmatch(name); {
		case name == "mcp__*" || name == "*":
			r.deny(policy.Wildcard, policy.Wildcard)
		case m == nil: // It is about the client's own tools.
		case m[2] == "":
			r.deny(m[1], policy.Wildcard)
		default:
			r.deny(m[1], m[2])
		}
	}
	for _, key := range []string{"allow", "ask"} {
		names, _ := texts(at(n, key))
		for _, name := range names {
			if strings.HasPrefix(name, "mcp__") {
				r.say(at(n, key).Pos(), "", Info, "permissions.%s restricts nothing: what is asked before a call stays the client's affair", key)
				break
			}
		}
	}
}

var notInClaudeName = lazyregexp.New(`[^A-Za-z0-9_-]`)

// claudeName is a server's name as the names of its tools have it.
func claudeName(name string) string { return notInClaudeName().ReplaceAllString(name, "_") }
