package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/testkit"
)

const unsafeServers = `{"mcpServers": {
  "a": {"command": "npx", "args": ["-y", "some-server"], "env": {"TOKEN": "ghp_` + `abcdefghij0123456789", "X": "${file:value}"}, "gateway": {"start": "lazy"}},
  "b": {"url": "http://192.0.2.1/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}, "gateway": {"start": "lazy"}}
}}`

// unsafe writes files that everybody may write.
func unsafe(t *testing.T, dir string) (args []string) {
	t.Helper()
	for name, text := range map[string]string{"servers.json": unsafeServers, "rules.json": someRules, "vars.env": "TOKEN=0123456789abcdef\n", "value": "x"} {
		putFile(t, filepath.Join(dir, name), text)
		if err := os.Chmod(filepath.Join(dir, name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--mcp-config", filepath.Join(dir, "servers.json"), "--rules", filepath.Join(dir, "rules.json"), "--env-file", filepath.Join(dir, "vars.env")}
}

var unsafeCodes = []string{
	"secret-in-clear-text", "unpinned-package", "credential-over-http", "rules-file-writable", "servers-file-writable", "env-file-writable",
}

func TestValidate_warnsOfWhatIsNotSafe(t *testing.T) {
	home, _ := freshHome(t)
	r := atHome(t, append([]string{"validate"}, unsafe(t, home)...)...).want(t, exitFine, "a GitHub token", `"some-server"`, "http://192.0.2.1", "vars.env: every user", "value: every user")
	for _, code := range unsafeCodes {
		if !strings.Contains(r.out, "["+code+"]") {
			t.Errorf("got no %s, want a warning:\n%s", code, r.out)
		}
	}
	for _, secret := range []string{"ghp_", "abcdefghij", "0123456789"} {
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("got\n%s\nwant no secret in it", r.out)
		}
	}
}

func TestStart_warnsOfWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	g := testkit.StartGateway(t, testkit.Options{Servers: unsafeServers, Rules: someRules, Before: func(dir string) {
		putFile(t, filepath.Join(dir, "value"), "x")
		for _, name := range []string{".mcp.json", ".mcp-gateway-rules.json", "value"} {
			if err := os.Chmod(filepath.Join(dir, name), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}, Env: []string{"TOKEN=0123456789abcdef"}})
	for _, code := range unsafeCodes {
		g.Await(t, "config problem", "code", code)
	}
	if strings.Contains(g.Log.Text(), "abcdefghij") {
		t.Error("the log holds a secret, want none")
	}
}
