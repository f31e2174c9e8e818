package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/testkit"
)

// newAll is the surface of all servers on a stage.
func newAll(t *testing.T, rules string, servers ...*testkit.Backend) *stage {
	t.Helper()
	s := testkit.NewStage(t, rules, servers...)
	return &stage{s, surface.Gateway{Router: s.Router(front.Config{}), Version: "1.2"}.All()}
}

func TestAll_tools_standUnderJoinedNames_byteForByteBesides(t *testing.T) {
	db := testkit.NewSession(1, testkit.Says(`{"content":[]}`))
	web := testkit.NewSession(2, testkit.Says(`{"content":[]}`))
	s := newAll(t, `{"agents": {"a": {"allow": {"servers": ["db", "my web"], "tools": {"db": ["query"]}}}}}`,
		testkit.NewBackend("my web", testkit.Ready(1, web)).Has("get", "get.all"),
		testkit.NewBackend("db", testkit.Ready(1, db)).Has(`{ "x":1.0, "name":"query" , "y":{"name":"z"}}`, "drop"),
		testkit.NewBackend("new", testkit.Ready(1, db)).Has("hidden"),
		testkit.NewBackend("dead", endpoint.Status{State: endpoint.Quarantined}))
	get, all := surface.JoinedName("my web", "get"), surface.JoinedName("my web", "get.all")
	got, failure := s.ask(old, "tools/list", "")
	want := fmt.Sprintf(`{"tools":[{ "x":1.0, "name":"db__query" , "y":{"name":"z"}},{"name":%q},{"name":%q}]}`, get, all)
	if got != want {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
	for name, c := range map[string]struct {
		session *testkit.Session
		tool    string
	}{"db__query": {db, "query"}, get: {web, "get"}, all: {web, "get.all"}} {
		before := len(c.session.Calls())
		_, failure := s.ask(old, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":{"n": 1.0}}`, name))
		calls := c.session.Calls()
		if failure != "" || len(calls) != before+1 || string(calls[before].Params) != fmt.Sprintf(`{"name":%q,"arguments":{"n": 1.0}}`, c.tool) {
			t.Errorf("%s: got %s and that %v was sent, want a call of %s", name, failure, calls, c.tool)
		}
	}
	for name, code := range map[string]string{
		"db__drop": "DENIED_BY_POLICY", "new__hidden": "DENIED_BY_POLICY", "nothing": "TOOL_NOT_FOUND", "my_web__get_00000000": "TOOL_NOT_FOUND",
		surface.JoinedName("new", "hid.den"): "TOOL_NOT_FOUND", "none__x": "DENIED_BY_POLICY",
	} {
		if got, failure := s.ask(old, "tools/call", fmt.Sprintf(`{"name":%q}`, name)); !strings.Contains(got, `"isError":true`) || !strings.Contains(got, code) {
			t.Errorf("%s: got %s %s, want a result with %s", name, got, failure, code)
		}
	}
}

// Pages come in one order and none of it is lost: a cursor whose list is another
// by now is refused.
func TestAll_cursors(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	tool := func(name string) string { return fmt.Sprintf(`{"name":%q,"description":%q}`, name, big) }
	one := testkit.ReadyBackend("one", testkit.Hangs).Has(tool("a"), tool("b"), tool("c"))
	two := testkit.ReadyBackend("two", testkit.Hangs).Has(tool("d"), tool("e"), tool("f"))
	s := newAll(t, allowAll, two, one)
	page := func(cursor string) (names []string, next string) {
		params := ""
		if cursor != "" {
			params = fmt.Sprintf(`{"cursor":%q}`, cursor)
		}
		got, failure := s.ask(old, "tools/list", params)
		if failure != "" {
			return []string{failure[:min(14, len(failure))]}, ""
		}
		var list struct {
			Tools      []struct{ Name string }
			NextCursor string
		}
		if err := json.Unmarshal([]byte(got), &list); err != nil {
			t.Fatal(err)
		}
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		return names, list.NextCursor
	}
	first, next := page("")
	second, end := page(next)
	if got, want := append(first, second...), []string{"one__a", "one__b", "one__c", "two__d", "two__e", "two__f"}; !slices.Equal(got, want) || len(first) != 3 || end != "" {
		t.Errorf("got %v on pages, the first of %d, and then the cursor %q; want %v, 3 and none", got, len(first), end, want)
	}
	s.Next(allowAll, one, two, testkit.ReadyBackend("three", testkit.Hangs).Has(tool("g")))
	if got, _ := page(next); !slices.Equal(got, []string{"two__d", "two__e", "two__f"}) {
		t.Errorf("after a reload that brings a server: got %v, want the page as before", got)
	}
	two.Has(tool("e"), tool("d"), tool("f"))
	refused := []string{`{"code":-32602`}
	if got, _ := page(next); !slices.Equal(got, refused) {
		t.Errorf("after a change of the list: got %v, want a refusal", got)
	}
	for _, bad := range []string{"abc", "!!", "MSAwIG9uZQ", strings.ToUpper(next)} {
		if got, _ := page(bad); !slices.Equal(got, refused) {
			t.Errorf("%s: got %v, want a refusal", bad, got)
		}
	}
}

func TestAll_resourcesHavePrefixedURIs(t *testing.T) {
	db, session := whole(all)
	other, _ := whole(all)
	other.Entry.Name = "my files"
	s := newAll(t, `{"agents": {"a": {"allow": {"servers": ["*"], "resources": {"*": ["note://*"]}}}}}`, db, other)
	publish := func(b *testkit.Backend, list endpoint.List, uris ...string) {
		next := endpoint.Catalog{Known: true, At: time.Now(), Info: session.Info()}
		for _, uri := range uris {
			key := map[endpoint.List]string{endpoint.Resources: "uri", endpoint.Templates: "uriTemplate"}[list]
			next.Tools = append(next.Tools, endpoint.Tool{Name: uri, Raw: fmt.Appendf(nil, `{"x":1.0,%q:%q}`, key, uri)})
		}
		b.Cell.PublishList(list, next)
	}
	publish(db, endpoint.Resources, "note://a/%2F", "note://both", "file:///x")
	publish(other, endpoint.Resources, "note://both")
	publish(db, endpoint.Templates, "note://t/{x}/end")
	publish(other, endpoint.Templates, "note://{x}.txt")
	for method, want := range map[string]string{
		"resources/list":           `{"resources":[{"x":1.0,"uri":"gatehouse://db/note://a/%2F"},{"x":1.0,"uri":"gatehouse://db/note://both"},{"x":1.0,"uri":"gatehouse://my%20files/note://both"}]}`,
		"resources/templates/list": `{"resourceTemplates":[{"x":1.0,"uriTemplate":"gatehouse://db/note://t/{x}/end"},{"x":1.0,"uriTemplate":"gatehouse://my%20files/note://{x}.txt"}]}`,
	} {
		if got, failure := s.ask(old, method, ""); got != want {
			t.Errorf("%s: got %s %s, want %s", method, got, failure, want)
		}
	}
	for _, c := range []struct{ uri, sent, shown string }{
		{"gatehouse://db/note://a/%2F", "note://a/%2F", "gatehouse://db/a://b"},
		{"note://a/%2F", "note://a/%2F", "a://b"},
		{"note://t/1/end", "note://t/1/end", "a://b"},
		{"gatehouse://my%20files/note://both", "note://both", "gatehouse://my%20files/a://b"},
		{"note://both", "", "name one, as gatehouse://db/note://both or gatehouse://my%20files/note://both"},
		{"gatehouse://d%62/note://a/%2F", "", "There is no resource"},
		{"gatehouse://db/file:///x", "", "DENIED_BY_POLICY"},
		{"file:///x", "", "There is no resource"},
		{"gatehouse://none/note://a", "", "There is no server"},
		{"gatehouse://db/", "", "There is no resource"},
	} {
		got, failure := s.ask(old, "resources/read", fmt.Sprintf(`{"uri":%q}`, c.uri))
		if !strings.Contains(got+failure, c.shown) || (c.sent == "") != (failure != "") {
			t.Errorf("%s: got %s %s, want %s", c.uri, got, failure, c.shown)
		}
	}
	if calls := session.Calls(); len(calls) == 0 || string(calls[0].Params) != `{"uri":"note://a/%2F"}` {
		t.Errorf("the server was sent %v, want its own URI", calls)
	}
}

func TestAll_promptsAndCompletions(t *testing.T) {
	db, session := whole(all)
	s := newAll(t, allowAll, db)
	for _, c := range []struct{ method, params, sent string }{
		{"prompts/get", `{"name":"db__greet","arguments":{"who":"\u00e9"}}`, `{"name":"greet","arguments":{"who":"\u00e9"}}`},
		{"prompts/get", `{"name":"greet"}`, ""},
		{
			"completion/complete", `{"ref":{"type":"ref/prompt","name":"db__greet"},"argument":{"name":"who","value":"a"}}`,
			`{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"who","value":"a"}}`,
		},
		{
			"completion/complete", `{"ref":{"type":"ref/resource","uri":"gatehouse://db/note://{x}"},"argument":{"name":"x","value":"a"}}`,
			`{"ref":{"type":"ref/resource","uri":"note://{x}"},"argument":{"name":"x","value":"a"}}`,
		},
		{"completion/complete", `{"ref":{"type":"ref/resource","uri":"note://{x}"},"argument":{"name":"x","value":"a"}}`, ""},
	} {
		before := len(session.Calls())
		_, failure := s.ask(old, c.method, c.params)
		sent := ""
		if calls := session.Calls(); len(calls) > before {
			sent = string(calls[before].Params)
		}
		if sent != c.sent || (failure == "") != (c.sent != "") {
			t.Errorf("%s %s: got %s and that %s was sent, want %s", c.method, c.params, failure, sent, c.sent)
		}
	}
}

// A server that does not answer costs nobody more than a moment, once.
func TestAll_aServerThatDoesNotListItsResources_isWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, session := whole(all)
		silent, _ := whole(all)
		silent.Entry.Name = "silent"
		s := newAll(t, allowAll, db, silent)
		s.Refresh = func(name string, _ *endpoint.Cell) {
			if name == "db" {
				lists(db, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"a://1"}})("", nil)
			}
		}
		for i, want := range []time.Duration{2 * time.Second, 0, 0} {
			begun := time.Now()
			got, _ := s.ask(old, "resources/list", "")
			if took := time.Since(begun); got != `{"resources":[{"is":"a://1"}]}` || took != want {
				t.Errorf("time %d: got %s after %v, want the other's after %v", i, got, took, want)
			}
		}
	})
}

func TestAll_marks_areThoseOfWhatIsKnown(t *testing.T) {
	db, session := whole(all)
	s := newAll(t, allowAll, db)
	caller := agents.Caller{Agent: "a"}
	first := s.one.Marks(caller)
	s.Next(allowAll, db, testkit.ReadyBackend("empty", testkit.Hangs).Has())
	if got := s.one.Marks(caller); got != first {
		t.Errorf("with a server that has nothing: got %v, want %v", got, first)
	}
	lists(db, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"a://1"}})("", nil)
	second := s.one.Marks(caller)
	if second[agents.ResourcesList] == first[agents.ResourcesList] || second[agents.ToolsList] != first[agents.ToolsList] {
		t.Errorf("got %v after %v, want another mark of the resources alone", second, first)
	}
	s.Next(allowAll)
	if got := s.one.Marks(caller); got[agents.ToolsList] == second[agents.ToolsList] || got[agents.ToolsList] == 0 {
		t.Errorf("without servers: got %v, want others than %v", got, second)
	}
}

func TestAll_isForAgentsThatTheRulesKnow(t *testing.T) {
	s := newAll(t, allowAll)
	for agent, want := range map[string]bool{"a": true, "nobody": false, "": false} {
		if got := s.one.Open(agents.Caller{Agent: agent}); got != want {
			t.Errorf("agent %q: got %v, want %v", agent, got, want)
		}
	}
	about, failure := s.one.Introduce(context.Background(), old)
	if failure != nil || !strings.Contains(string(about.Capabilities), `"prompts":{"listChanged":true}`) || string(about.ServerInfo) != `{"name":"gatehouse","version":"1.2"}` {
		t.Errorf("got %+v %v, want the gateway's own", about, failure)
	}
}
