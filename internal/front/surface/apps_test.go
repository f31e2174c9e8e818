package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
)

// showsPages are the capabilities of a client that shows pages of tools.
const showsPages = `{"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}`

// pagesServer is a server with pages of tools.
func pagesServer() (*testkit.Backend, *testkit.Session) {
	session := testkit.NewSession(1, testkit.Says(`{"contents":[{"uri":"ui://chart/1","text":"<html>"}]}`)).
		WithInfo(endpoint.ServerInfo{ProtocolVersion: "2026-07-28", Tools: true, Capabilities: all})
	return testkit.NewBackend("db", testkit.Ready(1, session)).Has(
		`{"name":"chart","_meta":{"ui":{"resourceUri":"ui://chart/1"}}}`, `{"name":"old","_meta":{"ui/resourceUri":"ui://old/1"}}`,
		`{"name":"drop","_meta":{"ui":{"resourceUri":"ui://drop/1"}}}`, `{"name":"file","_meta":{"ui":{"resourceUri":"file:///etc/passwd"}}}`), session
}

func TestApps_aPageIsReadByWhoeverMayUseItsTool(t *testing.T) {
	const two = `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["chart", "old", "file"]}}}}}`
	const denied = `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["chart"]}}, "deny": {"resources": {"db": ["ui://*"]}}}}}`
	before := agents.Caller{Protocol: "2025-11-25", Agent: "a", Declared: showsPages}
	silent := before
	silent.Declared = `{"extensions":{"io.modelcontextprotocol/ui":true}}`
	for _, c := range []struct {
		name, rules, uri string
		caller           agents.Caller
		shown            string
		allowed          bool
	}{
		{"of a permitted tool", two, "ui://chart/1", stateless, showsPages, true},
		{"named in the way of before", two, "ui://old/1", stateless, showsPages, true},
		{"to a client with a session", two, "ui://chart/1", before, "", true},
		{"to a client that does not show any", two, "ui://chart/1", stateless, `{}`, false},
		{"to such a one with a session", two, "ui://chart/1", silent, "", false},
		{"of a tool that may not be used", two, "ui://drop/1", stateless, showsPages, false},
		{"of no tool", two, "ui://chart/2", stateless, showsPages, false},
		{"that is no page", two, "file:///etc/passwd", stateless, showsPages, false},
		{"that a rule denies", denied, "ui://chart/1", stateless, showsPages, false},
	} {
		db, session := pagesServer()
		s := newStage(t, c.rules, db)
		r := agents.Request{Method: "resources/read", Params: fmt.Appendf(nil, `{"uri":%q}`, c.uri)}
		if c.shown != "" {
			r.Capabilities = json.RawMessage(c.shown)
		}
		got, failure := s.one.Serve(context.Background(), c.caller, r, nil)
		if allowed := failure == nil; allowed != c.allowed || (len(session.Calls()) > 0) != c.allowed {
			t.Errorf("%s: got %s %v and %d requests, want it allowed: %v", c.name, got, failure, len(session.Calls()), c.allowed)
		}
		if !c.allowed && !strings.Contains(string(failure.Object), "DENIED_BY_POLICY") {
			t.Errorf("%s: got %s, want a denial", c.name, failure.Object)
		}
		if r := s.Record(); c.allowed && (r.Resource != c.uri || r.Step != "ToolAllowedExact" && !strings.Contains(r.Rule, "tools")) {
			t.Errorf("%s: got the record %+v, want the rule of its tool", c.name, r)
		}
	}
}

// Whether a tool that it may not use names a page, nobody hears.
func TestApps_pagesOfHiddenTools_areAsThoseThatAreNotThere(t *testing.T) {
	db, _ := pagesServer()
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["chart"]}}}}}`, db)
	ask := func(uri string) string {
		r := agents.Request{Method: "resources/read", Params: fmt.Appendf(nil, `{"uri":%q}`, uri)}
		r.Capabilities = json.RawMessage(showsPages)
		_, failure := s.one.Serve(context.Background(), stateless, r, nil)
		return withoutCallID(strings.ReplaceAll(string(failure.Object), uri, "URI"))
	}
	if hidden, none := ask("ui://drop/1"), ask("ui://none/1"); hidden != none {
		t.Errorf("got %s, want what is said of one that is not there: %s", hidden, none)
	}
}

// withoutCallID is an error without the id of its call.
func withoutCallID(failure string) string {
	data := rawjson.Get([]byte(failure), "data")
	return string(rawjson.Set([]byte(failure), "data", rawjson.Delete(data, "call_id")))
}

// What an earlier gateway has read is not what this server says.
func TestApps_aKeptListGrantsNothing(t *testing.T) {
	db, _ := pagesServer()
	tool, _ := db.Cell.Catalog().Lookup("chart")
	kept := testkit.NewBackend("db", *db.Cell.Status())
	kept.Cell.Recall(endpoint.Catalog{Tools: []endpoint.Tool{tool}})
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["chart"]}}}}}`, kept)
	r := agents.Request{Method: "resources/read", Params: json.RawMessage(`{"uri":"ui://chart/1"}`)}
	r.Capabilities = json.RawMessage(showsPages)
	if got, failure := s.one.Serve(context.Background(), stateless, r, nil); failure == nil {
		t.Errorf("got %s, want a denial", got)
	}
}

func TestApps_onAll_aPageIsReadByItsPrefixedURI(t *testing.T) {
	db, session := pagesServer()
	s := testkit.NewStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["chart"]}}}}}`, db)
	on := surface.Gateway{Router: s.Router(front.Config{})}.All()
	r := agents.Request{Method: "resources/read", Params: json.RawMessage(`{"uri":"gatehouse://db/ui://chart/1"}`)}
	r.Capabilities = json.RawMessage(showsPages)
	got, failure := on.Serve(context.Background(), stateless, r, nil)
	if failure != nil || !strings.Contains(string(got), `"uri":"gatehouse://db/ui://chart/1"`) {
		t.Errorf("got %s %v, want the page", got, failure)
	}
	if sent := session.Calls()[0]; string(sent.Capabilities) != showsPages {
		t.Errorf("the server was shown %s, want %s", sent.Capabilities, showsPages)
	}
}

// A server hears of the extension from clients that declare it, and on the gate from
// nobody.
func TestApps_areShownToAServerByClientsThatDeclareThem(t *testing.T) {
	db, session := pagesServer()
	s := newStage(t, allowAll, db)
	for shown, want := range map[string]string{
		showsPages: showsPages, `{"extensions":{"io.modelcontextprotocol/ui":1,"other":{}}}`: `{}`, `{"roots":{}}`: `{"roots":{}}`,
	} {
		r := agents.Request{Method: "tools/call"}
		r.Name, r.Capabilities = "chart", json.RawMessage(shown)
		before := len(session.Calls())
		if _, failure := s.one.Serve(context.Background(), stateless, r, nil); failure != nil {
			t.Fatalf("got %s, want a result", failure.Object)
		}
		if sent := session.Calls()[before]; string(sent.Capabilities) != want {
			t.Errorf("%s: the server was shown %s, want %s", shown, sent.Capabilities, want)
		}
	}
	exposed := surface.Gateway{Router: s.Router(front.Config{})}.Exposed()
	s.Next(`{"agents": {"a": {"allow": {"servers": ["*"]}, "expose": {"db": ["chart"]}}}}`, db)
	if _, known := exposed.CallTool(context.Background(), stateless, agents.ToolCall{Name: "db__chart", Capabilities: json.RawMessage(showsPages)}, nil); !known {
		t.Fatal("the tool is not exposed")
	}
	if calls := session.Calls(); rawjson.Get(calls[len(calls)-1].Capabilities, "extensions") != nil {
		t.Errorf("on the gate the server was shown %s, want no extension", calls[len(calls)-1].Capabilities)
	}
}
