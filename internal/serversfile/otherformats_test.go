package serversfile_test

import (
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit/problemtest"
)

func TestParse_refusedFileOfAnotherProgram_saysWhatToWrite(t *testing.T) {
	cases := map[string]struct{ text, program, does string }{
		"VS Code":          {`{"inputs": [{"id": "k"}], "servers": {"a": {"type": "http", "url": "https://h"}}}`, "VS Code or Visual Studio", `rename "servers" to "mcpServers"`},
		"its settings":     {`{"editor.fontSize": 1, "mcp": {"servers": {"a": {"command": "x"}}}}`, "VS Code's settings", `"mcpServers"`},
		"other settings":   {`{"chat.mcp.servers": {"a": {"command": "x"}}}`, "VS Code's settings", `"mcpServers"`},
		"Gemini CLI":       {`{"mcpServers": {"b": {"command": "x"}, "a": {"httpUrl": "https://h"}}}`, "Gemini CLI", `rename "httpUrl" to "url"`},
		"Windsurf":         {`{"mcpServers": {"a": {"serverUrl": "https://h"}}}`, "Windsurf", `rename "serverUrl" to "url"`},
		"Zed":              {`{"context_servers": {"a": {"command": "x"}}}`, "Zed", `rename "context_servers"`},
		"opencode":         {`{"mcp": {"a": {"type": "local", "command": ["x", "y"]}}}`, "opencode", `"command": "x", "args": ["y"]`},
		"Amp":              {`{"amp.mcpServers": {"a": {"command": "x"}}}`, "Amp", `rename "amp.mcpServers"`},
		"Claude Code":      {`{"numStartups": 5, "projects": {"/p": {"mcpServers": {"a": {"command": "x"}}}}}`, "Claude Code", `below "projects"`},
		"Codex":            {"model = \"x\"\n[mcp_servers.docs]\ncommand = \"npx\"\n", "Codex", "bearer_token_env_var"},
		"Goose":            {"extensions:\n  gh:\n    cmd: npx\n", "Goose", `"command" for cmd`},
		"Goose, as JSON":   {`{"extensions": {"gh": {"cmd": "npx"}}}`, "Goose", `"command" for cmd`},
		"Continue":         {"name: x\nmcpServers:\n  - name: a\n    command: x\n", "Continue", "its name is the key"},
		"a list":           {`{"mcpServers": [{"name": "a", "command": "x"}]}`, "lists servers", "its name is the key"},
		"a list alone":     {`[{"name": "a", "command": "x"}]`, "lists servers", "its name is the key"},
		"another TOML":     {"[servers]\ncommand = 'x'\n", "TOML or YAML", `{"mcpServers"`},
		"another YAML":     {"servers:\n  a:\n    command: x\n", "TOML or YAML", `{"mcpServers"`},
		"ours, broken":     {`{"mcpServers": {"a": {"command": "x"}`, "", ""},
		"ours, mistaken":   {`{"mcpServers": {"a": {"command": 1}}}`, "", ""},
		"ours, all right":  {`{"mcpServers": {"a": {"command": "x"}}}`, "", ""},
		"a file of nought": {``, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := serversfile.Parse("f", []byte(c.text))
			var found *jsondoc.Problem
			for i, p := range problems {
				if p.Code == "other-format" {
					found = &problems[i]
				}
			}
			if c.program == "" {
				if found != nil {
					t.Errorf("got %v, want no word of another program", found)
				}
				return
			}
			if found == nil || !strings.Contains(found.Message, c.program) || !strings.Contains(found.Hint, c.does) || !jsondoc.HasErrors(problems) {
				t.Errorf("got\n%s\nwant it refused, %q, and %q", problemtest.Text(problems), c.program, c.does)
			}
		})
	}
}
