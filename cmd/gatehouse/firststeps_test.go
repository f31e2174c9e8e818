//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/clients"
	"gatehouse/testkit"
)

// threeClients are programs, the servers that each has, and its file below the home.
var threeClients = []struct {
	id, file   string
	first, end int
}{
	{"cursor", ".cursor/mcp.json", 1, 7},
	{"gemini", ".gemini/settings.json", 4, 10},
	{"codex", ".codex/config.toml", 7, 13},
}

// A person with three clients, which have twelve servers among them, has all of them
// behind one gateway by the commands that the README shows, each once; and all is as it
// was by one command.
func TestFirstSteps_threeClientsAndTwelveServers_shareOneGateway_andBack(t *testing.T) {
	t.Parallel()
	p := newPerson(t, testkit.Servers{}, "{}")
	if err := os.RemoveAll(p.config); err != nil { // They have never heard of it.
		t.Fatal(err)
	}
	before := map[string]string{}
	for _, c := range threeClients {
		before[homeFile(t, p.home, c.file, clientFile(t, c.file, c.first, c.end))] = clientFile(t, c.file, c.first, c.end)
	}
	runIn(t, p.env, "import", "--write").want(t, exitFine)
	for _, c := range threeClients {
		runIn(t, p.env, "connect", c.id, "--replace", "--surface", "gate").want(t, exitFine, "removed ")
	}
	runIn(t, p.env, "doctor").want(t, exitFine)
	pids := map[string]bool{}
	for _, c := range threeClients {
		a := p.open(t, argsIn(t, p, c.id, c.file)...)
		for i := c.first; i < c.end; i++ {
			pids[serverPID(t, a, i)] = true
		}
	}
	if len(pids) != 12 || len(p.gateways()) != 1 {
		t.Errorf("got %d processes of servers and %d gateways, want 12 and 1", len(pids), len(p.gateways()))
	}
	runIn(t, p.env, "disconnect", "--all", "--dry-run").want(t, exitFine, "gatehouse")
	runIn(t, p.env, "disconnect", "--all").want(t, exitFine, "Cursor", "Codex", "Gemini")
	for path, want := range before {
		if got := readText(t, path); got != want {
			t.Errorf("%s: got\n%s\nwant it as it was\n%s", path, got, want)
		}
	}
	runIn(t, p.env, "disconnect", "--all").want(t, exitFine, "No program is connected")
	runIn(t, p.env, "disconnect").want(t, exitUsage, "--all")
}

// clientFile is a client's configuration with the servers from first on, before end.
func clientFile(t *testing.T, name string, first, end int) string {
	t.Helper()
	var b strings.Builder
	for i := first; i < end; i++ {
		if filepath.Ext(name) == ".toml" {
			fmt.Fprintf(&b, "[mcp_servers.s%d]\ncommand = %q\nenv = { TOKEN = \"s3cret-%d\" } # mine\n\n", i, testkit.FakeServer(t), i)
			continue
		}
		fmt.Fprintf(&b, "    \"s%d\": {\"command\": %q, \"env\": {\"TOKEN\": \"s3cret-%d\"}},\n", i, testkit.FakeServer(t), i)
	}
	if filepath.Ext(name) == ".toml" {
		return b.String()
	}
	return "{\n  \"mcpServers\": {\n" + strings.TrimSuffix(b.String(), ",\n") + "\n  }\n}\n"
}

// argsIn are the arguments of attach that a client's file has now, which has no server
// besides gatehouse.
func argsIn(t *testing.T, p *person, id, file string) (args []string) {
	t.Helper()
	c, _ := clients.Find(id)
	path := filepath.Join(p.home, file)
	found := c.Read([]clients.Source{{File: clients.File{Path: path}, Data: []byte(readText(t, path))}}, nil)
	if len(found.Servers) != 1 || found.Servers[0].Name != "gatehouse" {
		t.Fatalf("%s: got %d servers in\n%s\nwant gatehouse alone", id, len(found.Servers), readText(t, path))
	}
	if command, _ := found.Servers[0].Command.Plain(); command != testkit.Program(t) {
		t.Errorf("%s: got the command %s, want %s", id, command, testkit.Program(t))
	}
	for _, arg := range found.Servers[0].Args {
		args = append(args, arg.String())
	}
	if !slices.Contains(args, id) || args[0] != "attach" {
		t.Errorf("%s: got %v, want attach as that agent", id, args)
	}
	return args[1:]
}

var pidIn = regexp.MustCompile(`"pid":(\d+)`)

// serverPID asks a server which process it is.
func serverPID(t *testing.T, a *attached, server int) string {
	t.Helper()
	a.say(t, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"execute_tool","arguments":{"server":"s%[1]d","tool":"pid","args":{}}}}`, server))
	line := a.hear(t)
	pid := pidIn.FindStringSubmatch(line)
	if pid == nil || !json.Valid([]byte(line)) {
		t.Fatalf("got %s, want the process of s%d", line, server)
	}
	return pid[1]
}
