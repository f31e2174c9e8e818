//go:build unix

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
	"gatehouse/testkit/tokens"
)

// TestTokens_readmeSaysWhatAnAgentPays measures the rows of the README's table
// "What an agent pays": the lists as they travel, and of them what every client
// shows to its model.
func TestTokens_readmeSaysWhatAnAgentPays(t *testing.T) {
	servers := testkit.Servers{
		"everything": {"command": npmServer(t, "everything"), "args": []string{"stdio"}},
		"filesystem": {"command": npmServer(t, "filesystem"), "args": []string{t.TempDir()}},
		"memory":     {"command": npmServer(t, "memory")},
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: servers.JSON(), Rules: testkit.AllowAll("agent"), Env: []string{testkit.Built(t)},
	})
	raw := g.Raw(t)
	rows := []string{row("gatehouse, in front of any number of servers", bill(t, listOf(t, raw)))}
	var all cost
	for _, name := range []string{"everything", "filesystem", "memory"} {
		box := testkit.Agent{ID: "agent", Caller: raw}.Tools(t, name)
		c := bill(t, slices.DeleteFunc(box.Tools, byGateway))
		if c.tools == 0 {
			t.Errorf("%s has no tools", name)
		}
		all.add(c)
		rows = append(rows, row(fmt.Sprintf("`server-%s` %s", name, version(t, name)), c))
	}
	rows = append(rows, row("these three at once", all))

	readme := testkit.ReadFile(t, filepath.Join("..", "..", "README.md"))
	for _, r := range rows {
		if !strings.Contains(readme, r) {
			t.Errorf("README.md must have this row:\n%s", r)
		}
	}
}

// byGateway reports whether a definition is the gateway's own, by which resources
// and prompts are reached: without the gateway nobody would pay for it.
func byGateway(definition json.RawMessage) bool {
	var d struct {
		Meta map[string]any `json:"_meta"`
	}
	return json.Unmarshal(definition, &d) == nil && d.Meta["io.gatehouse/origin"] == "gateway"
}

// listOf is what tools/list of the gateway shows.
func listOf(t *testing.T, raw *testkit.Raw) []json.RawMessage {
	t.Helper()
	reply, err := raw.Request(t.Context(), "tools/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Result struct{ Tools []json.RawMessage }
	}
	if err := json.Unmarshal(reply.Message, &v); err != nil {
		t.Fatal(err)
	}
	return v.Result.Tools
}

// cost is what definitions cost: as they travel, and their name, description
// and inputSchema alone.
type cost struct{ tools, whole, shown int }

func (c *cost) add(more cost) {
	c.tools += more.tools
	c.whole += more.whole
	c.shown += more.shown
}

func bill(t *testing.T, definitions []json.RawMessage) cost {
	t.Helper()
	c := cost{tools: len(definitions)}
	for _, raw := range definitions {
		var shown struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			InputSchema json.RawMessage `json:"inputSchema"`
		}
		if err := json.Unmarshal(raw, &shown); err != nil {
			t.Fatal(err)
		}
		text, err := rawjson.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		c.whole += tokens.Count(t, string(raw))
		c.shown += tokens.Count(t, string(text))
	}
	return c
}

func row(what string, c cost) string {
	return fmt.Sprintf("| %s | %d | %d | %d |", what, c.tools, c.whole, c.shown)
}

// version is that of an installed package.
func version(t *testing.T, server string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "node_modules", "@modelcontextprotocol", "server-"+server, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Version string }
	if err := json.Unmarshal(text, &v); err != nil || v.Version == "" {
		t.Fatalf("no version of %s: %v", server, err)
	}
	return v.Version
}
