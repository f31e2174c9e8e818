package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

// A key may stand in the path of a url.
func TestURLPath_isShownToNobody(t *testing.T) {
	t.Parallel()
	const key = "k3y-of-the-path"
	closed := testkit.StartHTTPFake(t)
	closed.Kill()
	refusing := testkit.StartHTTPFake(t, "--status", "403")
	g, a := begin(t, testkit.Servers{
		"gone":    {"url": closed.Base + "/api/mcp/s/" + key + "/mcp"},
		"refuses": {"url": refusing.Base + "/api/mcp/s/" + key + "/mcp"},
	})
	g.Await(t, "server needs auth", "server", "refuses")
	shown := a.Call(t, "list_servers", map[string]any{"include_metadata": true}).Text
	if !strings.Contains(shown, `"url":"`+refusing.Base+`"`) {
		t.Errorf("list_servers says %s, want scheme and host of the url", shown)
	}
	for _, server := range []string{"gone", "refuses"} {
		shown += a.Execute(t, server, "echo", map[string]any{}).Text
	}
	shown += operate(t, g, "status", "--json").out + operate(t, g, "logs").out
	if strings.Contains(shown, key) {
		t.Errorf("the key must not be shown: %s", shown)
	}
}
