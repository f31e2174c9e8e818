package serversfile

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/jsondoc"
)

// harmlessKeys are keys of other programs that can be ignored without opening
// what their owner closed.
var harmlessKeys = []string{
	"autoApprove", "alwaysAllow", "alwaysLoad", "icon", "icons", "timeout", "timeoutMs",
	"trust", "name", "title", "displayName", "version", "id", "tags", "category", "note", "notes", "comment",
	"_comment", "$comment", "dev", "gallery", "source", "homepage", "documentation", "provider", "author",
	"initTimeout", "startupTimeout", "requestTimeout", "startup_timeout_sec", "startup_timeout_ms",
	"tool_timeout_sec", "keepAlive", "longRunning", "autoStart", "autoRestart", "logLevel", "isBuiltin",
}

// urlKeys are what other programs call "url".
var urlKeys = []string{"serverUrl", "httpUrl", "server_url", "http_url"}

// ruleFor says, for each restricting key of another program, which rule does
// the same here. %s is the server's name, quoted.
var ruleFor = map[string]string{
	"disabledTools":  denyToolsRule,
	"disabled_tools": denyToolsRule,
	"excludeTools":   denyToolsRule,
	"blockedTools":   denyToolsRule,
	"enabledTools":   allowToolsRule,
	"enabled_tools":  allowToolsRule,
	"includeTools":   allowToolsRule,
	"allowedTools":   allowToolsRule,
	"toolFilter":     filterRule,
	"authTokens": `in the rules file let only some agents use it: "agents": {"AGENT": {"allow": {"servers": [%s]}}}; ` +
		"then remove this key",
	"sandbox": `gatehouse has no sandbox: make it part of "command", or keep agents off in the rules file with ` +
		`"deny": {"servers": [%s]}; then remove this key`,
}

const (
	denyToolsRule = `in the rules file write for each agent: "deny": {"tools": {%s: ["TOOL", ...]}}; ` +
		"then remove this key"
	allowToolsRule = `in the rules file write for each agent: "allow": {"tools": {%s: ["TOOL", ...]}}; ` +
		"then remove this key"
	filterRule = `in the rules file write for each agent: "allow": {"tools": {%s: ["TOOL", ...]}} for an allow list, ` +
		`"deny" in its place for a block list; then remove this key`
)

// otherKey reads a key of an entry that is not one of ours, the known ones.
func (r *entryReader) otherKey(m jsondoc.Member, path string, known []string) {
	rule, restricts := ruleFor[m.Key]
	switch {
	case slices.Contains(urlKeys, m.Key):
		r.otherURL = true
		r.Add(m.KeyPos(), jsondoc.Error, path, codeURLKey, `rename it to "url"`, "the key for an address is %q, not %q", "url", m.Key)
	case m.Key == "options":
		r.otherOptions(m.Value, path, r.entry.Name)
		r.ignored = append(r.ignored, m)
	case m.Key == "enabled" || m.Key == "isActive":
		r.enabled(m, path)
	case m.Key == "tools" && everyTool(m.Value):
		r.ignored = append(r.ignored, m)
	case m.Key == "tools":
		r.restricting(m, path, allowToolsRule, r.entry.Name)
	case restricts:
		r.restricting(m, path, rule, r.entry.Name)
	case slices.Contains(harmlessKeys, m.Key):
		r.ignored = append(r.ignored, m)
	default:
		r.UnknownKey(m, path, codeUnknownKey, jsondoc.Warning, known)
	}
}

// enabled reads the opposite of our "disabled".
func (r *entryReader) enabled(m jsondoc.Member, path string) {
	if m.Value.Bool() {
		r.ignored = append(r.ignored, m)
		return
	}
	r.Add(m.KeyPos(), jsondoc.Error, path, codeRestrictingKey, `write "disabled": true to switch the server off`,
		"the key %q of other programs is not read here", m.Key)
}

// otherRootKey reads a key beside "mcpServers".
func (p *parser) otherRootKey(m jsondoc.Member, path string, known []string) {
	switch m.Key {
	case "servers":
		p.Add(m.KeyPos(), jsondoc.Error, path, codeServersKey, `rename it to "mcpServers"`,
			`the servers must stand under "mcpServers", not "servers"`)
	case "mcpProxy":
		p.otherOptions(m.Value.Member("options"), "mcpProxy.options", "*")
		p.ignored = append(p.ignored, m)
	case "$schema", "inputs", "$comment", "_comment":
		p.ignored = append(p.ignored, m)
	default:
		p.UnknownKey(m, path, codeUnknownKey, jsondoc.Warning, known)
	}
}

// otherOptions reports the restricting keys of a proxy's "options" object,
// for one server or, with the name "*", for all.
func (p *parser) otherOptions(n *jsondoc.Node, path, server string) {
	if n == nil {
		return
	}
	for _, m := range n.Members() {
		if rule, restricts := ruleFor[m.Key]; restricts {
			p.restricting(m, jsondoc.KeyPath(path, m.Key), rule, server)
		}
	}
}

// restricting refuses a key that restricts in another program: to ignore it
// would open what its owner closed.
func (p *parser) restricting(m jsondoc.Member, path, rule, server string) {
	p.Add(m.KeyPos(), jsondoc.Error, path, codeRestrictingKey, fmt.Sprintf(rule, jsondoc.Quote(server)),
		"the key %q restricts in other programs, but not here: the rules file decides who may use what", m.Key)
}

// everyTool says whether a "tools" key lets all tools through: ["*"].
func everyTool(n *jsondoc.Node) bool {
	return n.Kind == jsondoc.KindArray && slices.ContainsFunc(n.Elements(), func(e *jsondoc.Node) bool { return e.Text() == "*" })
}

// reportIgnored gives one info for all harmless keys of the file, at the first.
func (p *parser) reportIgnored() {
	if len(p.ignored) == 0 {
		return
	}
	var keys []string
	for _, m := range p.ignored {
		keys = append(keys, m.Key)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	hint := ""
	if slices.Contains(keys, "timeout") {
		hint = `time limits are set in "gateway", for example {"call_timeout_ms": 60000}`
	}
	p.Add(p.ignored[0].KeyPos(), jsondoc.Info, "", codeIgnoredKeys, hint,
		"keys of other programs mean nothing here: %s", strings.Join(keys, ", "))
}
