package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gatehouse/internal/locate"
	"gatehouse/testkit"
)

// configFile writes a file into the config folder of a home.
func configFile(t *testing.T, home, name, text string) string {
	t.Helper()
	path := filepath.Join(locate.ConfigFolder(locate.ConfigDir(runtime.GOOS, noVariables, home)), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvFile_ofTheConfigFolder_isReadByEveryWayOfStarting(t *testing.T) {
	home, workDir := freshHome(t)
	const servers = `{"mcpServers": {"a": {"command": "true", "env": {"A": "${FROM_FILE}"}}}}`
	const rules = `{"agents": {"a": {"allow": {"servers": ["a"]}}}}`
	configFile(t, home, ".mcp.json", servers)
	configFile(t, home, ".mcp-gateway-rules.json", rules)
	for name, text := range map[string]string{".mcp.json": servers, "gateway-rules.json": rules, "other.env": "OTHER=1\n"} {
		if err := os.WriteFile(filepath.Join(workDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here := workDir + string(filepath.Separator)
	ways := [][]string{
		{"validate"},
		{"validate", "--here"},
		{"validate", "--env-file", here + "other.env"},
		{"validate", "--mcp-config", here + ".mcp.json", "--rules", here + "gateway-rules.json"},
	}
	for _, way := range ways {
		atHome(t, way...).want(t, exitFine, "server-misconfigured")
	}
	env := configFile(t, home, "gatehouse.env", "FROM_FILE=1\n")
	for _, way := range ways {
		if r := atHome(t, way...).want(t, exitFine); strings.Contains(r.out, "server-misconfigured") {
			t.Errorf("%v: got\n%s\nwant the variable to be found in %s", way, r.out, env)
		}
	}
	atHome(t, "validate", "--env-file", filepath.Join(home, "gone.env")).want(t, exitNo, "gone.env")
}

func TestEnvFile_ofTheConfigFolder_comesWhileTheGatewayRuns(t *testing.T) {
	g := testkit.StartGateway(t, testkit.Options{
		Servers: `{"mcpServers": {"a": {"command": "${FROM_FILE}"}}}`, Rules: testkit.AllowAll("a"), Args: quick,
	})
	mark := g.Log.Len()
	if got := g.Count(0, "using file", "role", "env"); got != 0 {
		t.Errorf("got %d env files in use, want none: there is none", got)
	}
	path := filepath.Join(g.Dir, "config", "gatehouse", "gatehouse.env")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	testkit.WriteAtomic(t, path, "FROM_FILE=true\n")
	g.AwaitFrom(t, mark, "config applied", "role", "env")
	if _, rejected, _ := reloads(g, 0, "env"); rejected != 0 {
		t.Errorf("got %d rejected reloads, want none", rejected)
	}
}
