package serversfile

import (
	"bytes"
	"regexp"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/lazyregexp"
)

// format is how another program writes its servers: a file that is refused here,
// and can be made one of ours by hand.
type format struct {
	program string
	// text finds it in the bytes of a file that is not JSON, object in one that is.
	text   func() *regexp.Regexp
	object func(root *jsondoc.Node) bool
	do     string // what to write
}

// formats are those that are told apart, the first that fits counts.
var formats = []format{
	{
		program: "Codex (config.toml)", text: lazyregexp.New(`(?m)^\s*\[mcp_servers\b`),
		do: `each table [mcp_servers.NAME] becomes "NAME": {...} in {"mcpServers": {...}}, with the same keys; bearer_token_env_var = "X" becomes ` +
			`"headers": {"Authorization": "Bearer ${X}"}; enabled_tools and disabled_tools become rules`,
	},
	{
		program: "Goose (config.yaml)", text: lazyregexp.New(`(?m)^extensions:`), object: has("extensions"),
		do: `each entry of extensions becomes "NAME": {...} in {"mcpServers": {...}}: "command" for cmd, "env" for envs, "url" for uri; ` +
			`leave built-in ones out; available_tools become rules`,
	},
	{
		program: "Continue (config.yaml)", text: lazyregexp.New(`(?m)^mcpServers:`),
		do: `each item of mcpServers becomes "NAME": {...} in {"mcpServers": {...}}: its name is the key`,
	},
	{
		program: "another program, in TOML or YAML", text: lazyregexp.New(`(?m)^\s*(?:\[\[?[\w."-]+\]\]?\s*$|[\w-]+:(?:\s|$))`),
		do: `write {"mcpServers": {"NAME": {"command": "...", "args": ["..."], "env": {...}}}}, or "url" and "headers" in place of these`,
	},
	{
		program: "opencode", object: entryIn("mcp", func(e *jsondoc.Node) bool {
			return isList(e.Member("command")) || oneOf(e.Member("type"), "local", "remote")
		}),
		do: `rename "mcp" to "mcpServers"; in each entry "command": ["x", "y"] becomes "command": "x", "args": ["y"], "environment" becomes "env", ` +
			`and "enabled": false becomes "disabled": true; leave "type" out`,
	},
	{
		program: "VS Code's settings", object: func(root *jsondoc.Node) bool {
			return root.Member("mcp.servers") != nil || root.Member("chat.mcp.servers") != nil || root.Member("mcp") != nil && root.Member("mcp").Member("servers") != nil
		},
		do: `write {"mcpServers": {...}} with the entries of "servers" and nothing else of the settings; for ${input:ID} write ${NAME}, and set NAME in the environment or an env file`,
	},
	{
		program: "VS Code or Visual Studio (mcp.json)", object: has("servers"),
		do: `rename "servers" to "mcpServers" and leave "inputs" out; for ${input:ID} write ${NAME}, and set NAME in the environment or an env file; ` +
			`name in "env" what a server needs of its envFile`,
	},
	{
		program: "Zed", object: has("context_servers"),
		do: `rename "context_servers" to "mcpServers", and leave the other settings out; an entry without "command" or "url" is an extension of Zed: write its command`,
	},
	{
		program: "Amp", object: has("amp.mcpServers"),
		do: `rename "amp.mcpServers" to "mcpServers", and leave the other settings out`,
	},
	{
		program: "Gemini CLI (settings.json)", object: entryIn("mcpServers", func(e *jsondoc.Node) bool { return e.Member("httpUrl") != nil }),
		do: `rename "httpUrl" to "url"; a "url" of Gemini's is one of SSE: add "type": "sse"; includeTools, excludeTools, and mcp.allowed and mcp.excluded become rules`,
	},
	{
		program: "Windsurf", object: entryIn("mcpServers", func(e *jsondoc.Node) bool { return e.Member("serverUrl") != nil }),
		do: `rename "serverUrl" to "url"; disabledTools become rules`,
	},
	{
		program: "Claude Code (~/.claude.json)", object: func(root *jsondoc.Node) bool {
			return root.Member("projects") != nil && (root.Member("mcpServers") == nil || root.Member("numStartups") != nil)
		},
		do: `write {"mcpServers": {...}} with the entries of "mcpServers" at the top and in your project below "projects", and nothing else of the file`,
	},
	{
		program: "a program that lists servers", object: func(root *jsondoc.Node) bool {
			return root.Kind == jsondoc.KindArray || isList(root.Member("mcpServers"))
		},
		do: `write {"mcpServers": {...}}: each item becomes "NAME": {...}, its name is the key`,
	},
}

// otherFormat says whose format a refused file has, and what to write in its place;
// nil if it is not known.
func otherFormat(file string, src []byte, root *jsondoc.Node) []jsondoc.Problem {
	for _, f := range formats {
		if root == nil && (f.text == nil || !f.text().Match(src)) || root != nil && (f.object == nil || !f.object(root)) {
			continue
		}
		return []jsondoc.Problem{{
			File: file, Line: 1, Column: 1, Code: codeOtherFormat, Severity: jsondoc.Info,
			Message: "this looks like the format of " + f.program + ", which is not read as it is", Hint: "\"gatehouse import --from FILE\" takes its servers over; by hand: " + f.do,
		}}
	}
	return nil
}

// looksLikeJSON reports whether a text that is not JSON was meant to be.
func looksLikeJSON(src []byte) bool {
	start := bytes.TrimLeft(src, " \t\r\n\ufeff")
	return bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("/"))
}

func has(key string) func(*jsondoc.Node) bool {
	return func(root *jsondoc.Node) bool { return root.Member("mcpServers") == nil && root.Member(key) != nil }
}

// entryIn reports whether some entry below a key is of a kind.
func entryIn(key string, is func(*jsondoc.Node) bool) func(*jsondoc.Node) bool {
	return func(root *jsondoc.Node) bool {
		servers := root.Member(key)
		if servers == nil {
			return false
		}
		for _, m := range servers.Members() {
			if is(m.Value) {
				return true
			}
		}
		return false
	}
}

func isList(n *jsondoc.Node) bool { return n != nil && n.Kind == jsondoc.KindArray }

func oneOf(n *jsondoc.Node, words ...string) bool {
	if n == nil {
		return false
	}
	for _, w := range words {
		if n.Text() == w {
			return true
		}
	}
	return false
}
