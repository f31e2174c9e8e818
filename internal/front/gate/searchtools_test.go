package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// found is what search_tools answers.
type found struct {
	Fits bool
	Hits []struct {
		Server, Tool, Summary string
		Definition            json.RawMessage
	}
	TokensUsed int `json:"tokens_used"`
	Unlisted   []string
	Note       string
}

// names are the hits as SERVER/TOOL.
func (f found) names() []string {
	out := []string{}
	for _, h := range f.Hits {
		out = append(out, h.Server+"/"+h.Tool)
	}
	return out
}

// search asks search_tools as agent a; args is the JSON of more arguments.
func (g *stage) search(query, args string) found {
	g.t.Helper()
	got := g.call("search_tools", fmt.Sprintf(`{"agent_id":"a","query":%q%s}`, query, args))
	if got.IsError {
		g.t.Fatalf("%s: got %s, want an answer", query, got.raw)
	}
	var f found
	if err := json.Unmarshal(got.Structured, &f); err != nil {
		g.t.Fatal(err)
	}
	return f
}

// defines publishes tools with definitions: a name, then its description.
func defines(s *srv, namesAndTexts ...string) *srv {
	var list []endpoint.Tool
	for i := 0; i < len(namesAndTexts); i += 2 {
		raw, _ := json.Marshal(map[string]any{"name": namesAndTexts[i], "description": namesAndTexts[i+1], "inputSchema": map[string]any{"type": "object"}})
		list = append(list, endpoint.Tool{Name: namesAndTexts[i], Raw: raw})
	}
	s.Cell.PublishCatalog(endpoint.Catalog{Known: true, At: time.Now(), Tools: list})
	return s
}

// shelf are three servers with tools.
func shelf() []*srv {
	return []*srv{
		defines(up("git", testkit.Hangs), "create_branch", "Creates a new branch. It starts at the current one.", "commit", "Records changes."),
		defines(up("trello", testkit.Hangs), "add_card", "Adds a card to a list.", "move_card", "Moves a card."),
		defines(server("asleep", endpoint.Status{State: endpoint.Idle}), "send_mail", "Sends a mail."),
	}
}

func TestSearch_answersWithDefinitionsBestFirst(t *testing.T) {
	f := newGate(t, allowAll, shelf()...).search("create a branch", "")
	if !f.Fits || len(f.Hits) == 0 || f.names()[0] != "git/create_branch" || !strings.Contains(string(f.Hits[0].Definition), `"inputSchema"`) {
		t.Fatalf("got %+v, want git/create_branch first, with its definition", f)
	}
	if want := (len(f.Hits[0].Definition) + 3) / 4; f.TokensUsed < want {
		t.Errorf("got %d tokens used, want at least the first one's %d", f.TokensUsed, want)
	}
}

func TestSearch_budget_isWhatDefinitionsMayCost(t *testing.T) {
	g := newGate(t, allowAll, shelf()...)
	for _, c := range []struct {
		budget string
		whole  int
	}{{"0", 0}, {"1", 1}, {`"5000"`, 2}} {
		f := g.search("card", `,"max_schema_tokens":`+c.budget)
		whole := 0
		for _, h := range f.Hits {
			if h.Definition != nil {
				whole++
			} else if h.Summary == "" {
				t.Errorf("%s: %s has neither definition nor summary, want one", c.budget, h.Tool)
			}
		}
		if len(f.Hits) != 2 || whole != c.whole {
			t.Errorf("budget %s: got %d hits and %d definitions, want 2 and %d", c.budget, len(f.Hits), whole, c.whole)
		}
	}
}

func TestSearch_nothingFits_saysSo(t *testing.T) {
	f := newGate(t, allowAll, shelf()...).search("book a dentist for the new card", `,"limit":50`)
	if f.Fits || f.TokensUsed != 0 || len(f.Hits) > 5 {
		t.Errorf("got %+v, want that nothing fits, without definitions", f)
	}
	want := `No tool fits "book a dentist for the new card". Nearest by words: ` + f.names()[0] + `. Ask in other words; if none fits, tell the user.`
	if f.Note != want {
		t.Errorf("got the note %q, want %q", f.Note, want)
	}
}

func TestSearch_findsWhateverStateAServerIsIn_andStartsNone(t *testing.T) {
	never := server("never", endpoint.Status{State: endpoint.Idle})
	g := newGate(t, allowAll, append(shelf(), never)...)
	f := g.search("send mail", "")
	if !slices.Equal(f.names(), []string{"asleep/send_mail"}) || !slices.Equal(f.Unlisted, []string{"never"}) {
		t.Errorf("got %v and unlisted %v, want asleep/send_mail and never", f.names(), f.Unlisted)
	}
	if heard := g.Heard(); len(heard) > 0 {
		t.Errorf("the servers were asked: %v, want that none is", heard)
	}
}

func TestSearch_hasOnlyWhatTheAgentMayUse(t *testing.T) {
	rules := `{"agents":{"a":{"allow":{"tools":{"git":["commit"],"secret":["nothing"]}}}}}`
	full := append(shelf(), defines(up("secret", testkit.Hangs), "create_branch_secretly", "Creates a branch in secret."))
	bare := []*srv{defines(up("git", testkit.Hangs), "commit", "Records changes."), defines(up("secret", testkit.Hangs), "other", "")}
	for _, query := range []string{"create branch", "commit", "secretly", "card", "commt", "movecard", "trello"} {
		args := fmt.Sprintf(`{"agent_id":"a","query":%q}`, query)
		got, want := newGate(t, rules, full...).call("search_tools", args), newGate(t, rules, bare...).call("search_tools", args)
		if string(got.Structured) != string(want.Structured) {
			t.Errorf("%s: got %s, want %s, as without the rest", query, got.Structured, want.Structured)
		}
	}
}

func TestSearch_changesCountAtOnce(t *testing.T) {
	servers := shelf()
	g := newGate(t, allowAll, servers...)
	g.search("create branch", "")
	defines(servers[0], "bake_bread", "Bakes bread.")
	if f := g.search("bake bread", ""); !f.Fits || f.names()[0] != "git/bake_bread" {
		t.Errorf("got %v, want the new git/bake_bread", f.names())
	}
	if f := g.search("create branch", ""); f.Fits {
		t.Errorf("got %v, want that nothing fits what is gone", f.names())
	}
	g.Next(`{"agents":{"a":{"allow":{"servers":["trello"]}}}}`, servers...)
	if f := g.search("bake bread", ""); len(f.Hits) > 0 {
		t.Errorf("got %v, want nothing that the new rules take away", f.names())
	}
}

func TestSearch_oneServer_isRefusedAsElsewhere(t *testing.T) {
	g := newGate(t, someRules, defines(up("db", testkit.Hangs), "query", "Asks."), up("secret", testkit.Hangs))
	if f := g.search("query", `,"server":"db"`); !slices.Equal(f.names(), []string{"db/query"}) {
		t.Errorf("got %v, want db/query", f.names())
	}
	for _, name := range []string{"secret", "no such"} {
		got := g.call("search_tools", fmt.Sprintf(`{"agent_id":"a","query":"x","server":%q}`, name))
		want := g.call("get_server_tools", fmt.Sprintf(`{"agent_id":"a","server":%q}`, name))
		if got.err.Code != want.err.Code || got.err.Message != want.err.Message {
			t.Errorf("%s: got %+v, want %+v as get_server_tools says", name, got.err, want.err)
		}
	}
}

func TestSearch_wrongArguments(t *testing.T) {
	g := newGate(t, allowAll, shelf()...)
	for args, want := range map[string]string{
		`{}`:             "search_tools needs query.",
		`{"query":"  "}`: `The argument "query" of search_tools must say what to look for, in a few words.`,
		`{"query":7}`:    `The argument "query" of search_tools must be a string.`,
		`{"query":"` + strings.Repeat("x", 1001) + `"}`: `The argument "query" of search_tools is longer than 1000 bytes.`,
		`{"query":"x","limit":0}`:                       `The argument "limit" of search_tools must be at least 1.`,
		`{"query":"x","limit":51}`:                      `The argument "limit" of search_tools must be at most 50.`,
		`{"query":"x","max_schema_tokens":-1}`:          `The argument "max_schema_tokens" of search_tools must be at least 0.`,
		`{"query":"x","Limit":3}`:                       `search_tools has no argument "Limit". Letter case counts: write it as "limit".`,
	} {
		if got := g.call("search_tools", args); got.err.Code != "INVALID_ARGUMENT" || got.err.Message != want {
			t.Errorf("%s: got %+v, want %q", args, got.err, want)
		}
	}
}

func TestSearch_description_ofTheEntryIsSearched(t *testing.T) {
	s := defines(up("x", testkit.Hangs).With(func(e *serversfile.Entry) { e.Description = "Weather of all places" }), "now", "", "later", "")
	if f := newGate(t, allowAll, append(shelf(), s)...).search("weather", ""); len(f.Hits) == 0 || f.Hits[0].Server != "x" {
		t.Errorf("got %v, want the tools of x", f.names())
	}
}

func TestSearch_record_hasTheNumberOfHitsAndNotTheQuery(t *testing.T) {
	g := newGate(t, allowAll, shelf()...)
	g.search("create marked-query branch", "")
	r := g.Record()
	if r.Operation != "search_tools" || r.Hits == 0 {
		t.Errorf("got %+v, want search_tools with hits", r)
	}
	if text := fmt.Sprintf("%+v", r); strings.Contains(text, "marked-query") {
		t.Errorf("got %s, want no query in it", text)
	}
}

// However many agents search, a bounded number of views is kept, and each answer
// is that of the agent who asks.
func TestSearch_manyAgents_viewsAreBounded(t *testing.T) {
	var rules []string
	for i := range 100 {
		rules = append(rules, fmt.Sprintf(`"a%d":{"allow":{"servers":["%s"]}}`, i, []string{"git", "trello"}[i%2]))
	}
	g := newGate(t, `{"agents":{`+strings.Join(rules, ",")+`}}`, shelf()...)
	for round := range 2 {
		for i := range 100 {
			got := string(g.call("search_tools", fmt.Sprintf(`{"agent_id":"a%d","query":"create a branch"}`, i)).Structured)
			if want := i%2 == 0; strings.Contains(got, "create_branch") != want {
				t.Errorf("round %d, agent a%d: got %s, want create_branch in it: %v", round, i, got, want)
			}
		}
	}
	if n := g.gate.Views(); n != 64 {
		t.Errorf("got %d views, want 64", n)
	}
}
