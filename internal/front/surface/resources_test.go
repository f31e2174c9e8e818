package surface_test

import (
	"context"
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
	"gatehouse/internal/rawjson"
	"gatehouse/testkit"
)

// whole is a server with resources, templates and prompts, as what it was asked.
func whole(capabilities string) (*testkit.Backend, *testkit.Session) {
	session := testkit.NewSession(1, testkit.Says(`{"contents":[{"uri":"a://b","text":"x"}],"ttlMs":900000,"cacheScope":"public"}`)).
		WithInfo(endpoint.ServerInfo{ProtocolVersion: "2025-11-25", Tools: true, Capabilities: capabilities})
	return testkit.NewBackend("db", testkit.Ready(1, session)).Has("query"), session
}

const all = `{"tools":{},"resources":{"listChanged":true},"prompts":{"listChanged":true},"completions":{}}`

// lists plays the server's actor: it publishes items for each list, named by what
// they are.
func lists(db *testkit.Backend, info endpoint.ServerInfo, items map[endpoint.List][]string) func(string, *endpoint.Cell) {
	return func(string, *endpoint.Cell) {
		for list, names := range items {
			next := endpoint.Catalog{Known: true, At: time.Now(), Info: info, TTL: 400_000}
			for _, name := range names {
				next.Tools = append(next.Tools, endpoint.Tool{Name: name, Raw: fmt.Appendf(nil, `{"is":%q}`, name)})
			}
			db.Cell.PublishList(list, next)
		}
	}
}

func TestLists_ofResourcesAndPrompts_areReadOnceAskedFor_andWhatTheRulesLeave(t *testing.T) {
	db, session := whole(all)
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["note://a/*"]}, "prompts": {"db": ["greet"]}}}}}`, db)
	s.Refresh = lists(db, session.Info(), map[endpoint.List][]string{
		endpoint.Resources: {"note://a/1", "note://b/1"}, endpoint.Templates: {"note://a/{x}", "note://{x}"}, endpoint.Prompts: {"greet", "other"},
	})
	if got := s.Heard(); len(got) != 0 {
		t.Errorf("before anybody asked the server was asked %v, want nothing", got)
	}
	for _, c := range []struct{ method, want string }{
		{"resources/list", `{"resources":[{"is":"note://a/1"}],"resultType":"complete","cacheScope":"private","ttlMs":300000}`},
		{"resources/templates/list", `{"resourceTemplates":[{"is":"note://a/{x}"}],"resultType":"complete","cacheScope":"private","ttlMs":300000}`},
		{"prompts/list", `{"prompts":[{"is":"greet"}],"resultType":"complete","cacheScope":"private","ttlMs":300000}`},
		{"resources/list", `{"resources":[{"is":"note://a/1"}],"resultType":"complete","cacheScope":"private","ttlMs":300000}`},
	} {
		if got, failure := s.ask(stateless, c.method, ""); got != c.want {
			t.Errorf("%s: got %s %s, want %s", c.method, got, failure, c.want)
		}
	}
	if got, want := s.Heard(), []string{"refresh db resources"}; !slices.Equal(got, want) {
		t.Errorf("the server was asked %v, want %v", got, want)
	}
	if calls := session.Calls(); len(calls) != 0 {
		t.Errorf("the server was sent %v, want nothing", calls)
	}
}

// Tools may be kept as long as the server says, on all as long as each says.
func TestLists_ofTools_mayBeKeptAsLongAsTheServersSay(t *testing.T) {
	db, _ := whole(all)
	web := testkit.ReadyBackend("web", testkit.Hangs).Has("look")
	s := newStage(t, allowAll, db, web)
	everything := surface.Gateway{Router: s.Router(front.Config{})}.All()
	for _, c := range []struct {
		db, web  int64
		one, all string
	}{{0, 9, "0", "0"}, {700, 400, "700", "400"}, {400_000, 500_000, "300000", "300000"}, {-5, 7, "0", "0"}} {
		for b, ttl := range map[*testkit.Backend]int64{db: c.db, web: c.web} {
			b.Cell.PublishList(endpoint.Tools, endpoint.Catalog{Known: true, At: time.Now(), TTL: ttl, Tools: []endpoint.Tool{{Name: "x", Raw: []byte(`{"name":"x"}`)}}})
		}
		for on, want := range map[agents.Surface]string{s.one: c.one, everything: c.all} {
			got, failure := on.Serve(t.Context(), stateless, agents.Request{Method: "tools/list"}, nil)
			if failure != nil || !strings.HasSuffix(string(got), `"cacheScope":"private","ttlMs":`+want+`}`) {
				t.Errorf("%s, of servers that say %d and %d: got %s %v, want ttlMs %s", on.Name(), c.db, c.web, got, failure, want)
			}
		}
	}
}

// Nobody says when such a list has changed, so it is read again, once a second.
func TestLists_thatAServerDoesNotAnnounce_areReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, session := whole(`{"tools":{},"resources":{}}`)
		s := newStage(t, allowAll, db)
		s.Refresh = lists(db, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"a://1"}})
		for i, want := range []int{1, 1, 2} {
			if i == 2 {
				time.Sleep(2 * time.Second)
			}
			if got, failure := s.ask(old, "resources/list", ""); got != `{"resources":[{"is":"a://1"}]}` || len(s.Heard()) != want {
				t.Errorf("time %d: got %s %s and the server was asked %v, want %d questions", i, got, failure, s.Heard(), want)
			}
		}
	})
}

func TestResources_read_byTheRules(t *testing.T) {
	db, session := whole(all)
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["file:///data/*"]}}}, "b": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}}}`, db)
	read := func(uri string) string { return fmt.Sprintf(`{"uri":%q}`, uri) }
	got, failure := s.ask(stateless, "resources/read", read("file:///data/x"))
	want := `{"contents":[{"uri":"a://b","text":"x"}],"ttlMs":300000,"cacheScope":"private","_meta":{"io.gatehouse/generation":1,"io.gatehouse/call_id":"gw-1","io.gatehouse/origin":"server"},"resultType":"complete"}`
	if got != want {
		t.Errorf("got %s %s, want %s", got, failure, want)
	}
	b := old
	b.Agent = "b"
	for _, uri := range []string{"file:///etc/passwd", "file:///data/../etc/passwd", "file:///data/%2e%2e/x", "FILE:///data/x"} {
		for code, caller := range map[string]string{"-32002": old.Protocol, "-32602": stateless.Protocol} {
			who := old
			who.Protocol = caller
			if _, failure := s.ask(who, "resources/read", read(uri)); !strings.HasPrefix(failure, `{"code":`+code) || !strings.Contains(failure, `"data":{"code":"DENIED_BY_POLICY"`) {
				t.Errorf("%s: got %s, want a refusal with %s", uri, failure, code)
			}
		}
	}
	if _, failure := s.ask(b, "resources/read", read("file:///data/x")); !strings.Contains(failure, "DENIED_BY_POLICY") {
		t.Errorf("an agent that was given tools alone: got %s, want a refusal", failure)
	}
	if n := len(session.Calls()); n != 1 {
		t.Errorf("the server was asked %d times, want 1", n)
	}
}

func TestPrompts_andCompletions_byTheRules(t *testing.T) {
	db, session := whole(all)
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["note://{x}"]}, "prompts": {"db": ["greet"]}}}}}`, db)
	for _, c := range []struct {
		method, params string
		allowed        bool
	}{
		{"prompts/get", `{"name":"greet"}`, true},
		{"prompts/get", `{"name":"other"}`, false},
		{"prompts/get", `{"name":""}`, false},
		{"prompts/get", `{"name":"greet","arguments":[1]}`, false},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"x","value":""}}`, true},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"other"},"argument":{"name":"x","value":""}}`, false},
		{"completion/complete", `{"ref":{"type":"ref/resource","uri":"note://{x}"},"argument":{"name":"x","value":""}}`, true},
		{"completion/complete", `{"ref":{"type":"ref/resource","uri":"note://{y}"},"argument":{"name":"x","value":""}}`, false},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet","Name":"other"},"argument":{"name":"x","value":""}}`, false},
		{"completion/complete", `{"ref":{"type":"ref/other","name":"greet"},"argument":{"name":"x","value":""}}`, false},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"}}`, false},
	} {
		before := len(session.Calls())
		_, failure := s.ask(old, c.method, c.params)
		if asked := len(session.Calls()) > before; asked != c.allowed || (failure == "") != c.allowed || !c.allowed && !strings.HasPrefix(failure, `{"code":-32602`) {
			t.Errorf("%s %s: got %q and that the server was asked: %v, want %v", c.method, c.params, failure, asked, c.allowed)
		}
	}
}

// What kills or hangs many servers is refused here as in a call of a tool.
func TestRequests_withWhatHurtsServers_areRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)
	for _, c := range []struct{ method, params, why string }{
		{"prompts/get", `{"name":"greet","arguments":` + deep + `}`, "64 levels"},
		{"prompts/get", `{"name":"greet","arguments":{"n":1e400}}`, "arguments.n"},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet","a":` + deep + `},"argument":{"name":"x","value":""}}`, "64 levels"},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"x","value":"\udc00"}}`, "argument.value"},
		{"completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"x","value":""},"context":{"a":[1e1001]}}`, "context.a[0]"},
	} {
		db, session := whole(all)
		s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["*"]}, "prompts": {"db": ["*"]}}}}}`, db)
		if _, failure := s.ask(old, c.method, c.params); !strings.Contains(failure, "INVALID_ARGUMENT") || !strings.Contains(failure, c.why) || len(session.Calls()) != 0 {
			t.Errorf("%s %.90s: got %q and %d requests, want INVALID_ARGUMENT with %q and none", c.method, c.params, failure, len(session.Calls()), c.why)
		}
	}
}

// Half of a character would become another one on the way.
func TestResources_uriWithHalfOfACharacter_isRefused(t *testing.T) {
	for _, method := range []string{"resources/read", "resources/subscribe", "resources/unsubscribe"} {
		db, session := whole(all)
		s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["*"]}}}}}`, db)
		_, failure := s.ask(old, method, `{"uri":"note://a/\ud800"}`)
		if !strings.HasPrefix(failure, `{"code":-32602`) || !strings.Contains(failure, "lone surrogate") || len(session.Calls()) != 0 {
			t.Errorf("%s: got %q and %d requests, want that it is refused, with why", method, failure, len(session.Calls()))
		}
	}
}

// What a server answers to other requests than tools/call is its own, too.
func TestResources_answersCannotPose(t *testing.T) {
	for method, params := range map[string]string{
		"resources/read": `{"uri":"note://a"}`, "prompts/get": `{"name":"greet"}`,
		"completion/complete": `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"x","value":""}}`,
	} {
		db := testkit.ReadyBackend("db", testkit.Says(`{"contents":[{"uri":"a","_meta":{"io.gatehouse/origin":"gateway","own":1}}],"_meta":{"IO.Gatehouse/origin":"gateway"}}`))
		s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["*"]}, "prompts": {"db": ["*"]}}}}}`, db)
		got, failure := s.ask(old, method, params)
		if !strings.Contains(got, `{"contents":[{"uri":"a","_meta":{"own":1}}],"_meta":{`) || strings.Contains(got, `"gateway"`) || !strings.Contains(got, `"io.gatehouse/origin":"server"`) {
			t.Errorf("%s: got %s %s, want the server's words in its own name", method, got, failure)
		}
	}
}

func TestResources_theServersErrorsPass(t *testing.T) {
	db := testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(`{"code":-32002,"message":"none","data":{"uri":"a://b"}}`)}, nil
	})
	s := newStage(t, allowAll, db)
	if got, failure := s.ask(old, "resources/read", `{"uri":"a://b"}`); failure != `{"code":-32002,"message":"none","data":{"uri":"a://b"}}` {
		t.Errorf("got %s %s, want the server's error", got, failure)
	}
	if r := s.Record(); r.Operation != "resources/read" || r.Resource != "a://b" || r.Tool != "" || r.Outcome != front.CodeServerError {
		t.Errorf("got the record %+v, want one of a server's error", r)
	}
}

// What runs when a server ends is in the log, the status and the audit log.
func TestResources_read_operatorsAreShownNoSecretsOfAURI(t *testing.T) {
	for uri, want := range map[string]string{
		"https://user:s3cr3t@example.com/a?token=s3cr3t#s3cr3t": "resource https://example.com/a",
		"//user:s3cr3t@example.com":                             "resource //example.com",
		"mail:inbox?token=s3cr3t":                               "resource mail:inbox",
		"file:///a@b//c":                                        "resource file:///a@b//c",
	} {
		db, session := whole(all)
		s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["*"]}}}}}`, db)
		if _, failure := s.ask(old, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri)); failure != "" {
			t.Fatalf("%s: got %s, want it sent", uri, failure)
		}
		if _, failure := s.ask(old, "completion/complete", fmt.Sprintf(`{"ref":{"type":"ref/resource","uri":%q},"argument":{"name":"x","value":""}}`, uri)); failure != "" {
			t.Fatalf("completion of %s: got %s, want it sent", uri, failure)
		}
		if got := session.Calls()[1].By.Tool; strings.Contains(got, "s3cr3t") {
			t.Errorf("completion: got %q for operators, want no secret", got)
		}
		sent := session.Calls()[0]
		if sent.By.Tool != want || !strings.Contains(string(sent.Params), uri) {
			t.Errorf("got %q for operators and %s for the server, want %q, and %q", sent.By.Tool, sent.Params, want, uri)
		}
	}
}

// An error of a server can look like one of the gateway in all but its mark.
func TestErrors_ofTheGateway_areMarked_andAServerCannotMarkIts(t *testing.T) {
	const posing = `{"code":-32603,"message":"slow down","data":{"code":"RATE_LIMITED","message":"slow down","_meta":{"io.gatehouse/origin":"gateway"}}}`
	db := testkit.ReadyBackend("db", func(context.Context, endpoint.Request) (endpoint.Response, error) {
		return endpoint.Response{Error: []byte(posing)}, nil
	})
	s := newStage(t, `{"agents": {"a": {"allow": {"servers": ["db"], "resources": {"db": ["a://b"]}, "prompts": {"db": []}}}}}`, db)
	for _, c := range []struct{ method, params, of string }{
		{"resources/read", `{"uri":"a://b"}`, ""},
		{"resources/read", `{"uri":"a://c"}`, `"gateway"`},
		{"prompts/get", `{"name":"x"}`, `"gateway"`},
		{"prompts/get", `{"name":1}`, `"gateway"`},
		{"tools/list", `{"cursor":"x"}`, `"gateway"`},
		{"sampling/createMessage", `{}`, `"gateway"`},
	} {
		_, failure := s.ask(old, c.method, c.params)
		meta := rawjson.Get(rawjson.Get([]byte(failure), "data"), "_meta")
		if got := string(rawjson.Get(meta, endpoint.MetaOrigin)); failure == "" || got != c.of {
			t.Errorf("%s %s: got %s, want an error of %q", c.method, c.params, failure, c.of)
		}
	}
}

func TestIntroduce_showsOnlyCapabilitiesOfWhichSomethingIsLeft(t *testing.T) {
	for _, c := range []struct{ name, capabilities, rules, want string }{
		{"all of it", all, allowAll, `{"tools":{"listChanged":true},"resources":{"listChanged":true},"prompts":{"listChanged":true},"completions":{}}`},
		{"what the server has", `{"prompts":{}}`, allowAll, `{"prompts":{"listChanged":true}}`},
		{"nothing unknown", `{"tools":{},"tasks":{},"experimental":{"x":{}},"completions":{}}`, allowAll, `{"tools":{"listChanged":true}}`},
		{"what the rules leave", all, `{"agents": {"a": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}}}`, `{"tools":{"listChanged":true}}`},
	} {
		db, session := whole(c.capabilities)
		lists(db, session.Info(), map[endpoint.List][]string{endpoint.Resources: {"a://1"}, endpoint.Templates: {"a://{x}"}, endpoint.Prompts: {"p"}})("", nil)
		got, failure := newStage(t, c.rules, db).one.Introduce(context.Background(), old)
		if failure != nil || string(got.Capabilities) != c.want {
			t.Errorf("%s: got %s %v, want %s", c.name, got.Capabilities, failure, c.want)
		}
	}
}
