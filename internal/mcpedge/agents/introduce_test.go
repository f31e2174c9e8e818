package agents_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/mcpedge/agents"
)

// requestOf2026 is a request of 2026-07-28 over HTTP, with its headers.
func requestOf2026(method string) (body string, headers []string) {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
			`"io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`,
		[]string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", method}
}

func TestIntroduction_isTheCallersOwnInBothEras(t *testing.T) {
	for _, c := range []struct {
		name, who, want string
		change          func(*agents.Options)
	}{
		{"nobody is asked", "", "Call list_servers first.", nil},
		{"alice", "alice", "You are <alice>.", byHeader},
		{"bob", "bob", "You are <bob>.", byHeader},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serveHTTP(t, newEdge(t, newScript(), c.change)).URL
			old := post(t, url, initialize, "Authorization", c.who)
			if got := field(t, old.body, "result", "instructions"); got != c.want {
				t.Errorf("initialize: got %v, want %q", got, c.want)
			}
			body, headers := requestOf2026("server/discover")
			discovered := post(t, url, body, append(headers, "Authorization", c.who)...)
			if got := field(t, discovered.body, "result", "instructions"); got != c.want {
				t.Errorf("server/discover: got %v, want %q", got, c.want)
			}
		})
	}
}

// pinnable has definitions of their own for callers with a credential.
type pinnable struct{ *script }

func (p pinnable) DefinitionsFor(c agents.Caller) []json.RawMessage {
	if c.Identity == nil {
		return p.Definitions()
	}
	return p.Definitions()[:1]
}

// hinting has definitions of their own for everybody, as the rules may say others
// soon.
type hinting struct{ *script }

func (h hinting) DefinitionsFor(agents.Caller) []json.RawMessage { return h.Definitions()[:1] }

// A cache that many share may keep the definitions only if everybody gets the
// same ones.
func TestDefinitions_areCachedByWhomTheyConcern(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler agents.ToolHandler
		who     string
		change  func(*agents.Options)
		want    string
	}{
		{"all alike", newScript(), "alice", byHeader, "public"},
		{"nobody is asked for a credential", pinnable{newScript()}, "", nil, "public"},
		{"they differ by credential", pinnable{newScript()}, "alice", byHeader, "private"},
		{"they are not those of everybody", hinting{newScript()}, "", nil, "private"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := serveHTTP(t, newEdge(t, c.handler, c.change)).URL
			body, headers := requestOf2026("tools/list")
			r := post(t, url, body, append(headers, "Authorization", c.who)...)
			if got := field(t, r.body, "result", "cacheScope"); got != c.want {
				t.Errorf("got the scope %v, want %q", got, c.want)
			}
			if got := fmt.Sprint(field(t, r.body, "result", "ttlMs")); got != "300000" {
				t.Errorf("got a ttl of %s ms, want 300000", got)
			}
		})
	}
}

// Revisions that know nothing of caches are told nothing.
func TestDefinitions_ofAnOlderRevision_sayNothingOfCaches(t *testing.T) {
	s := dial(t, newEdge(t, newScript(), nil))
	s.initialize("2025-11-25")
	s.send(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if got := s.next(); strings.Contains(got, "ttlMs") || strings.Contains(got, "cacheScope") {
		t.Errorf("got %s, want neither ttlMs nor cacheScope", got)
	}
}
