package clients_test

import (
	"testing"

	"gatehouse/internal/clients"
)

func TestRead_gatehouseItself_isLeftOut_howeverItIsStarted(t *testing.T) {
	c, _ := clients.Find("cursor")
	for entry, want := range map[string]bool{
		`"gatehouse": {"command": "/opt/gatehouse", "args": ["attach", "--agent", "a"]}`: true,
		`"x": {"command": "C:\\bin\\gatehouse.exe"}`:                                     true,
		`"x": {"command": "npx", "args": ["-y", "gatehouse@1.2.3", "attach"]}`:           true,
		`"x": {"command": "npx", "args": ["gatehouse"]}`:                                 true,
		`"x": {"command": "uvx", "args": ["gatehouse==1.2.3", "run"]}`:                   true,
		`"x": {"command": "pipx", "args": ["run", "gatehouse", "attach"]}`:               true,
		`"x": {"command": "npx", "args": ["gatehouse", "demo-server", "notes"]}`:         false,
		`"x": {"command": "/opt/gatehouse", "args": ["demo-server", "notes"]}`:           false,
		`"x": {"command": "npx", "args": ["-y", "other", "gatehouse"]}`:                  false,
		`"x": {"command": "npx", "args": ["-y"]}`:                                        false,
	} {
		found := c.Read([]clients.Source{{File: clients.File{Path: "/home/ann/mcp.json"}, Data: []byte(`{"mcpServers": {` + entry + `}}`)}}, nil)
		if len(found.Servers) != 1 || found.Servers[0].Itself != want {
			t.Errorf("%s: got %+v, want gatehouse itself: %v", entry, found.Servers, want)
		}
	}
}

// Others may call a server of theirs gatehouse: what disconnect removes must be ours.
func TestOurs_isWhatStartsGatehouse(t *testing.T) {
	c, _ := clients.Find("cursor")
	for servers, want := range map[string]bool{
		`"gatehouse": {"command": "/opt/gatehouse", "args": ["attach", "--agent", "a"]}`: true,
		`"gatehouse": {"command": "C:\\bin\\gatehouse.exe"}`:                             true,
		`"gatehouse": {"command": "/opt/renamed", "args": ["attach"]}`:                   true,
		`"gatehouse": {"command": "npx", "args": ["-y", "gatehouse", "attach"]}`:         true,
		`"gatehouse": {"command": "/opt/alarm"}`:                                         false,
		`"gatehouse": {"command": "/opt/alarm", "args": ["run"]}`:                        false,
		`"gatehouse": {"command": "/opt/alarm", "args": ["--door", "attach"]}`:           false,
		`"gatehouse": {"command": "npx", "args": ["gatehouse-alarm"]}`:                   false,
		`"gatehouse": {"command": "/opt/gatehouse", "args": ["demo-server", "notes"]}`:   false,
		`"gatehouse": {"url": "https://gatehouse.example/mcp"}`:                          false,
		`"other": {"command": "/opt/gatehouse", "args": ["attach"]}`:                     false,
	} {
		if got := c.Ours(clients.File{Path: "/home/ann/mcp.json"}, []byte(`{"mcpServers": {`+servers+`}}`)); got != want {
			t.Errorf("%s: got %v, want %v", servers, got, want)
		}
	}
}
