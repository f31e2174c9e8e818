package serversfile

import (
	"maps"
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
var urlKeys = []string{
	"serverUrl", "httpUrl", "server_url", "http_url", "sseUrl", "sse_url", "endpoint", "uri", "address", "baseUrl", "base_url",
}

// ourKey says what our key is for what other programs call otherwise.
var ourKey = map[string]string{
	"environment": "env", "envs": "env", "envVars": "env", "environmentVariables": "env",
	"cmd": "command", "executable": "command", "program": "command",
	"arguments": "args", "argv": "args",
	"workingDirectory": "cwd", "working_directory": "cwd", "workdir": "cwd", "working_dir": "cwd",
	"http_headers": "headers", "httpHeaders": "headers", "requestHeaders": "headers", "extraHeaders": "headers",
	"transportType": "type", "transport_type": "type",
}

const tokenHeader = `write "headers": {"Authorization": "Bearer ${NAME}"} with the name of the variable that has the token` //nolint:gosec // It says where a token belongs.

const loginInstead = `log in with "gatehouse login NAME"; what a registered client needs stands in "gateway": {"auth": {"client_id": "..."}}`

const headersWithin = `take its "headers" out of it, into the entry itself`

// instead says what to write for keys of other programs that are not only
// called otherwise.
var instead = map[string]string{
	"bearer_token_env_var": tokenHeader, "bearerTokenEnvVar": tokenHeader, "bearer_token": tokenHeader,
	"oauth": loginInstead, "auth": loginInstead, "authProviderType": loginInstead,
	"env_http_headers": `write "headers": {"HEADER": "${NAME}"}`, "envHeaders": `write "headers": {"HEADER": "${NAME}"}`,
	"requestInit": headersWithin, "eventSourceInit": headersWithin,
	"image":         `write "command": "docker", "args": ["run", "-i", "--rm", "IMAGE"]`,
	"env_vars":      `write "gateway": {"env_pass": ["NAME"]}`,
	"headersHelper": `no program is asked for headers here; write "headers", with ${NAME} or ${file:PATH} in their values`,
}

// serversKeys are where other programs have their servers.
var serversKeys = []string{"servers", "context_servers", "contextServers", "mcp_servers", "mcp", "amp.mcpServers", "mcp.servers", "chat.mcp.servers"}

// otherKey reads a key of an entry that is not one of ours, the known ones.
func (r *entryReader) otherKey(m jsondoc.Member, path string, known []string) {
	restriction, restricts := restrictions[m.Key]
	switch {
	case slices.Contains(urlKeys, m.Key):
		r.otherURL = true
		r.Add(m.KeyPos(), jsondoc.Error, path, codeURLKey, `rename it to "url"`, "the key for an address is %q, not %q", "url", m.Key)
	case m.Key == "options":
		r.ignored = append(r.ignored, m)
		r.otherOptions(m.Value, path, r.entry.Name)
	case m.Key == "enabled" || m.Key == "isActive":
		r.enabled(m, path)
	case restricts:
		r.restricting(m, path, restriction, r.entry.Name)
	case r.seedAuth(m): // A server that asks for a login is logged in to, whatever the entry says.
	case slices.Contains(harmlessKeys, m.Key):
		r.ignored = append(r.ignored, m)
	default:
		deciding := slices.Concat(known, slices.Sorted(maps.Keys(restrictions)), []string{"enabled", "isActive", "options"})
		if !r.OtherCase(m, path, deciding) {
			r.unknown(m, path, known)
		}
	}
}

// unknown warns of a key of an entry that is ignored, and says what to write.
func (r *entryReader) unknown(m jsondoc.Member, path string, known []string) {
	hint := jsondoc.KeyHint(m.Key, known)
	if ours, ok := ourKey[m.Key]; ok {
		hint = "rename it to " + jsondoc.Quote(ours)
	} else if text, ok := instead[m.Key]; ok {
		hint = text
	}
	r.Add(m.KeyPos(), jsondoc.Warning, path, codeUnknownKey, hint, "unknown key %s", jsondoc.Quote(m.Key))
}

// enabled reads the opposite of our "disabled".
func (r *entryReader) enabled(m jsondoc.Member, path string) {
	if m.Value.Bool() || m.Value.Kind == jsondoc.KindNull {
		r.ignored = append(r.ignored, m)
		return
	}
	r.Add(m.KeyPos(), jsondoc.Error, path, codeRestrictingKey, `write "disabled": true to switch the server off`,
		"the key %q of other programs is not read here", m.Key)
}

// otherRootKey reads a key beside "mcpServers".
func (p *parser) otherRootKey(root *jsondoc.Node, m jsondoc.Member, path string, known []string) {
	alone := root.Member("mcpServers") == nil
	switch {
	case m.Key == "servers" || alone && slices.Contains(serversKeys, m.Key):
		p.otherServers(m, path)
	case m.Key == "mcpProxy":
		p.ignored = append(p.ignored, m)
		p.otherOptions(m.Value.Member("options"), "mcpProxy.options", "*")
	case alone && isEntry(m.Value):
		p.misplaced = true
		p.Add(m.KeyPos(), jsondoc.Error, path, codeServersKey, `put all servers into "mcpServers": {...}`,
			`the server %s must stand under "mcpServers"`, jsondoc.Quote(m.Key))
		p.server(m, path)
	case slices.Contains([]string{"$schema", "inputs", "$comment", "_comment"}, m.Key):
		p.ignored = append(p.ignored, m)
	default:
		p.UnknownKey(m, path, codeUnknownKey, jsondoc.Warning, known)
	}
}

// otherServers reads servers that stand under another program's key: the file is
// refused, and what else is wrong in it is said at once.
func (p *parser) otherServers(m jsondoc.Member, path string) {
	p.misplaced = true
	servers, hint := m.Value, `rename it to "mcpServers"`
	if inner := m.Value.Member("servers"); inner != nil && !isEntry(inner) {
		servers, path, hint = inner, jsondoc.KeyPath(path, "servers"), `take its "servers" out of it, and rename that to "mcpServers"`
	}
	p.Add(m.KeyPos(), jsondoc.Error, jsondoc.KeyPath("", m.Key), codeServersKey, hint,
		`the servers must stand under "mcpServers", not %q`, m.Key)
	p.servers(servers, path)
}

// isEntry reports whether a value looks like a server: a program or an address.
func isEntry(n *jsondoc.Node) bool {
	return slices.ContainsFunc([]string{"command", "url", "serverUrl", "httpUrl"}, func(key string) bool {
		value := n.Member(key)
		return value != nil && (value.Kind == jsondoc.KindString || value.Kind == jsondoc.KindArray)
	})
}

// reportIgnored adds one info for all keys of the file that mean nothing here, at
// the first.
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
	var hints []string
	if slices.Contains(keys, "timeout") {
		hints = append(hints, `time limits are set in "gateway", for example {"call_timeout_ms": 60000}`)
	}
	if slices.Contains(keys, "inputs") {
		hints = append(hints, "write ${NAME} for ${input:ID}: a variable of the environment or of an env file")
	}
	p.Add(p.ignored[0].KeyPos(), jsondoc.Info, "", codeIgnoredKeys, strings.Join(hints, "; "),
		"keys of other programs mean nothing here: %s", strings.Join(keys, ", "))
}
