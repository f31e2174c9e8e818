//go:build unix

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// realClient is a client that npm has: its file with one server in it, and how it
// lists its servers.
type realClient struct {
	id, file, text string
	list           func(t *testing.T) []string
}

var realClients = []realClient{
	{
		"claude-code", ".claude.json", `{"mcpServers": {"notes": {"type": "stdio", "command": %q, "args": ["demo-server", "notes"], "env": {"A": "s3cret"}}}}` + "\n",
		func(t *testing.T) []string {
			return []string{platformProgram(t, "@anthropic-ai", "claude-code-*", "claude")}
		},
	},
	{
		"codex", ".codex/config.toml", "# mine\n[mcp_servers.notes]\ncommand = %q\nargs = [\"demo-server\", \"notes\"]\nenv = { A = \"s3cret\" }\n",
		func(t *testing.T) []string { return []string{node(t), npmFile(t, ".bin", "codex")} },
	},
	{
		"gemini", ".gemini/settings.json", `{"mcpServers": {"notes": {"command": %q, "args": ["demo-server", "notes"], "env": {"A": "s3cret"}}}}` + "\n",
		func(t *testing.T) []string { return []string{node(t), npmFile(t, ".bin", "gemini")} },
	},
	{
		"opencode", ".config/opencode/opencode.jsonc", "{\n  // mine\n  \"mcp\": {\"notes\": {\"type\": \"local\", \"command\": [%q, \"demo-server\", \"notes\"], \"environment\": {\"A\": \"s3cret\"}}}\n}\n",
		func(t *testing.T) []string { return []string{platformProgram(t, "opencode-*", "bin", "opencode")} },
	},
}

// platformProgram is a program in the package that npm has installed for this
// system.
func platformProgram(t *testing.T, pattern ...string) string {
	t.Helper()
	npmFile(t, ".package-lock.json")
	found, err := filepath.Glob(testdata(t, append([]string{"node_modules"}, pattern...)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && !strings.Contains(path, "musl") {
			return path
		}
	}
	t.Skip("skipped: package.json names no " + strings.Join(pattern, "/") + " for this system")
	return ""
}

// atHome runs a program with a home of its own, as somebody does in a shell.
func atHome(t *testing.T, home, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.WaitDelay = filepath.Join(home, "w"), testkit.Patience/18
	cmd.Env = []string{
		"HOME=" + home, "GATEHOUSE_HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "DISABLE_AUTOUPDATER=1",
		"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "OPENCODE_DISABLE_AUTOUPDATE=1", "NO_COLOR=1",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v, want exit status 0\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What connect writes is what each client reads: it lists the gateway, and no
// longer the server that the gateway has.
func TestConnect_realClientsListTheGatewayAndNothingElse(t *testing.T) {
	gatehouse := testkit.Binary(t)
	for _, c := range realClients {
		t.Run(c.id, func(t *testing.T) {
			program := c.list(t)
			home := t.TempDir()
			file := filepath.Join(home, c.file)
			before := fmt.Sprintf(c.text, gatehouse)
			for _, dir := range []string{filepath.Join(home, "w"), filepath.Dir(file)} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			write(t, file, before, 0o600)
			atHome(t, home, gatehouse, "import", "--from", c.id, "--write")
			atHome(t, home, gatehouse, "connect", c.id, "--replace")
			atHome(t, home, gatehouse, "disconnect", c.id)
			if got := testkit.ReadFile(t, file); got != before {
				t.Fatalf("got\n%s\nwant the old bytes\n%s", got, before)
			}
			atHome(t, home, gatehouse, "connect", c.id, "--replace")
			wrapped(t, home, file, gatehouse)
			listed := atHome(t, home, program[0], append(program[1:], "mcp", "list")...)
			t.Log(listed)
			if !strings.Contains(listed, "gatehouse") || !strings.Contains(listed, "attach --agent "+c.id) || strings.Contains(listed, "notes") {
				t.Errorf("got\n%s\nwant the gateway, and nothing else", listed)
			}
			atHome(t, home, gatehouse, "disconnect", c.id)
			if got := testkit.ReadFile(t, file); !strings.Contains(got, "demo-server") || !strings.Contains(got, "s3cret") || strings.Contains(got, "attach") {
				t.Errorf("got\n%s\nwant what was there, and no gateway", got)
			}
		})
	}
}

// wrapped lets the entry start a gateway that ends soon, and that looks for its
// files in this home, whatever environment the client gives it.
func wrapped(t *testing.T, home, file, gatehouse string) {
	t.Helper()
	script := filepath.Join(home, "gatehouse")
	write(t, script, fmt.Sprintf("#!/bin/sh\nGATEHOUSE_HOME='%s' HOME='%s' exec '%s' \"$@\" --linger 1s\n", home, home, gatehouse), 0o700)
	write(t, file, strings.Replace(testkit.ReadFile(t, file), gatehouse, script, 1), 0o600)
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
