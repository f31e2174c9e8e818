package main

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

// Whoever copies a command runs it on the server that it is about, and runs nothing else.
func TestCommandsToCopy_quoteNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	for name, word := range map[string]string{"a&b": "'a&b'", "-x": "-- -x"} {
		at := time.Now().Add(time.Minute)
		status := admin.ServerStatus{Name: name, State: string(endpoint.Quarantined), NextAttempt: &at, Blocks: []admin.Block{{Until: at, Crashes: 1}}}
		fleetWithout := fleet.View{Nodes: map[string]fleet.Node{"n1": {ID: "n1", Cannot: name}}}
		for what, c := range map[string]struct {
			said    string
			command string
			times   int
		}{
			"status of a server":            {page{now: time.Now()}.server(admin.ServerDetail{ServerStatus: status}), "gatehouse release ", 2},
			"doctor":                        {stateFacts(status).Do, "gatehouse release ", 1},
			"doctor, of a login":            {stateFacts(admin.ServerStatus{Name: name, State: string(endpoint.NeedsAuth)}).Do, "gatehouse login ", 1},
			"move, if it is not ready":      {showMoved(&cobra.Command{}, admin.Moved{Server: name, State: status.State}, false).Error(), "gatehouse status ", 1},
			"move to a gateway that cannot": {canTake(fleetWithout, name, "n1").Error(), "gatehouse status ", 1},
			"logins":                        {unrevoked(name), "gatehouse logout ", 1},
		} {
			if got := strings.Count(strings.Join(strings.Fields(c.said), " "), c.command+word); got != c.times {
				t.Errorf("%s: got %d times %s%s, want %d, in\n%s", what, got, c.command, word, c.times, c.said)
			}
		}
	}
}

// Flags come before a name that begins with a dash.
func TestCommandsToCopy_withFlags_putThemBeforeANameWithADash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	for name, want := range map[string]string{"a&b": "see gatehouse tools 'a&b' --changes", "-x": "see gatehouse tools --changes -- -x"} {
		status := admin.Status{Ready: true, Servers: []admin.ServerStatus{{Name: name, State: string(endpoint.Ready), ToolChanges: 1}}}
		if got := (page{now: time.Now()}).status(status); !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %s in it", got, want)
		}
	}
	const refused = `{"isError": true, "structuredContent": {"error": {"code": "DENIED_BY_POLICY"}}, "_meta": {"io.gatehouse/origin": "gateway"}}`
	err := callFailed([]byte(refused), admin.Call{Agent: "a b", Server: "-x", Tool: "read"}, false)
	if want := `"gatehouse explain --live -- 'a b' -x read"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s in it", err, want)
	}
}

func TestDoctor_aFolderWithASpace_isQuotedInTheCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its shells quote otherwise")
	}
	home, _ := freshHome(t)
	freePort(t)
	servers := homeFile(t, home, "my files/.mcp.json", emptyServers)
	rules := homeFile(t, home, "my files/.mcp-gateway-rules.json", someRules)
	r := atHome(t, "doctor", "--mcp-config", servers, "--rules", rules)
	if got := strings.Join(strings.Fields(r.out), " "); !strings.Contains(got, "gatehouse attach --config '"+home+"/my files'") {
		t.Errorf("got\n%s\nwant the folder quoted", got)
	}
}
