package clients_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/clients"
)

// place is one on a system, with a home and nothing set.
func place(goos string, env map[string]string) clients.Place {
	return clients.Place{
		GOOS: goos, Home: "/home/ann", WorkDir: "/home/ann/w",
		Getenv: func(name string) string { return env[name] },
		Glob:   func(string, string) []string { return nil },
	}
}

func TestFiles_eachClientHasThemOnEverySystem(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, c := range clients.All() {
			files := c.Files(place(goos, nil))
			if len(files) == 0 {
				t.Errorf("%s on %s: got no file, want one", c.ID, goos)
			}
			for _, f := range files {
				if !filepath.IsAbs(f.Path) || strings.Contains(f.Path, "..") {
					t.Errorf("%s on %s: got %s, want an absolute path", c.ID, goos, f.Path)
				}
				if project := strings.HasPrefix(f.Path, "/home/ann/w/"); project != (f.Base == "/home/ann/w") {
					t.Errorf("%s: %s has the base %q, want that of a project for a project's alone", c.ID, f.Path, f.Base)
				}
			}
			if c.CanConnect() && c.ConnectFile(place(goos, nil), func(string) bool { return false }) == "" {
				t.Errorf("%s on %s: got no file to write, want one", c.ID, goos)
			}
		}
	}
}

func TestFiles_followTheVariablesOfEachClient(t *testing.T) {
	for _, c := range []struct{ id, variable, want string }{
		{"claude-code", "CLAUDE_CONFIG_DIR", "/x/.claude.json"},
		{"codex", "CODEX_HOME", "/x/config.toml"},
		{"copilot", "COPILOT_HOME", "/x/mcp-config.json"},
		{"continue", "CONTINUE_GLOBAL_DIR", "/x/config.yaml"},
		{"goose", "XDG_CONFIG_HOME", "/x/goose/config.yaml"},
		{"vscode", "XDG_CONFIG_HOME", "/x/Code/User/mcp.json"},
	} {
		client, _ := clients.Find(c.id)
		files := client.Files(place("linux", map[string]string{c.variable: "/x"}))
		if !slices.ContainsFunc(files, func(f clients.File) bool { return f.Path == c.want }) {
			t.Errorf("%s: got %v, want %s among them", c.id, files, c.want)
		}
	}
	client, _ := clients.Find("claude-desktop")
	if got := client.Files(place("darwin", nil))[0].Path; got != "/home/ann/Library/Application Support/Claude/claude_desktop_config.json" {
		t.Errorf("got %s, want the folder for support", got)
	}
}

func TestFiles_withoutAHome_areNone(t *testing.T) {
	p := place("linux", nil)
	p.Home, p.WorkDir = "", "/w"
	for _, c := range clients.All() {
		for _, f := range c.Files(p) {
			if !strings.HasPrefix(f.Path, "/w/") {
				t.Errorf("%s: got %s, want files of the project alone", c.ID, f.Path)
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct{ path, text, want, base string }{
		{"/home/ann/.cursor/mcp.json", `{}`, "cursor", ""},
		{"/home/ann/w/.cursor/mcp.json", `{}`, "cursor", "/home/ann/w"},
		{"/srv/p/.vscode/mcp.json", `{}`, "vscode", "/srv/p"},
		{"/srv/p/.mcp.json", `{}`, "claude-code", "/srv/p"},
		{"/x/any.toml", "[mcp_servers.a]\ncommand = 'x'\n", "codex", ""},
		{"/x/any.yaml", "extensions:\n  a: {cmd: x}\n", "goose", ""},
		{"/x/any.yaml", "schema: v1\nmcpServers:\n  - name: a\n", "continue", ""},
		{"/x/any.json", `{"context_servers": {}}`, "zed", ""},
		{"/x/any.json", `{"servers": {}, "inputs": []}`, "vscode", ""},
		{"/x/any.json", `{"mcp": {"a": {"type": "local"}}}`, "opencode", ""},
		{"/x/any.json", `{"mcpServers": {"a": {"httpUrl": "x"}}}`, "gemini", ""},
		{"/x/any.json", `{"mcpServers": {"a": {"serverUrl": "x"}}}`, "windsurf", ""},
		{"/x/any.json", `{"mcpProxy": {}, "mcpServers": {}}`, "mcp-proxy", ""},
		{"/x/any.json", `{"numStartups": 1}`, "claude-code", ""},
		{"/x/any.json", `{"mcpServers": {"a": {"command": "x"}}}`, "imported", ""},
		{"/x/any.json", `not JSON`, "imported", ""},
	} {
		client, file := clients.Detect(c.path, []byte(c.text), place("linux", nil))
		if client.ID != c.want || file.Base != c.base || file.Path != c.path {
			t.Errorf("%s %s: got %s, %+v; want %s, %q", c.path, c.text, client.ID, file, c.want, c.base)
		}
	}
}

// FuzzConnect enters gatehouse in any file of any client and takes it out again:
// what can be read of it stays the same.
func FuzzConnect(f *testing.F) {
	ids := clients.IDs()
	f.Add(uint8(0), []byte("{\n // c\n \"mcpServers\": {\"a\": {\"command\": \"x\"},},\n}"))
	f.Add(uint8(9), []byte("[mcp_servers.a]\ncommand = 'x'\n\n# c\n[b]\n"))
	f.Add(uint8(9), []byte("[mcp_servers.a]\r")) // Not TOML, until a line end comes behind it.
	f.Add(uint8(12), []byte("extensions:\n  a: {cmd: x}\n  # c\nz: 1\n"))
	f.Add(uint8(8), []byte("mcpServers:\n- name: a\n  command: x\n"))
	command := clients.Command{Path: "/bin/gatehouse", Args: []string{"attach", "--agent", "a"}}
	f.Fuzz(func(t *testing.T, at uint8, src []byte) {
		c, _ := clients.Find(ids[int(at)%len(ids)])
		if !c.CanConnect() {
			return
		}
		path := c.ConnectFile(place("linux", nil), func(string) bool { return false })
		names := func(src []byte) (list []string) {
			found := c.Read([]clients.Source{{File: clients.File{Path: path}, Data: src}}, func(string) ([]byte, error) { return nil, filepath.ErrBadPattern })
			for _, s := range found.Servers {
				if s.Name != clients.EntryName {
					list = append(list, s.Name)
				}
			}
			return list
		}
		before := names(src)
		after, taken, err := c.Connect(path, src, command, nil)
		if err != nil {
			return // It is said, and nothing is written.
		}
		if !c.Connected(path, after) || len(taken) > 0 {
			t.Fatalf("%s: %q: got %q, want gatehouse in it", c.ID, src, after)
		}
		if got := names(after); !slices.Equal(got, before) {
			t.Fatalf("%s: %q: got the servers %q, want %q", c.ID, src, got, before)
		}
		back, lost := c.Disconnect(path, after, nil)
		if got := names(back); c.Connected(path, back) || len(lost) > 0 || !slices.Equal(got, before) {
			t.Fatalf("%s: %q: got %q, want it without gatehouse", c.ID, src, back)
		}
	})
}
