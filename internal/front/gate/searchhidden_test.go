package gate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

// The words of which names, descriptions and questions are made: with plurals,
// look-alikes, typos of each other, and such as only few tools have.
var someWords = strings.Fields(`create delete list branch branches card cards board mail mails send search read write file files table tables
	barchart bar chart delte brnch github gitlab parseXMLFile xml 微博热搜 résumé the not open close rare seldom`)

// town are servers with tools, and rules, made of a seed.
type town struct {
	rnd   *rand.Rand
	rules string
}

func (w *town) words(most int) string {
	out := make([]string, 1+w.rnd.IntN(most))
	for i := range out {
		out[i] = someWords[w.rnd.IntN(len(someWords))]
	}
	return strings.Join(out, " ")
}

// one returns one of the texts.
func (w *town) one(texts ...string) string { return texts[w.rnd.IntN(len(texts))] }

// servers makes up servers: some equal, some whose tools nobody knows, some that
// an earlier gateway knew.
func (w *town) servers() []*srv {
	var out []*srv
	for i := range 1 + w.rnd.IntN(6) {
		s := server(fmt.Sprintf("%s%d", w.one("git", "trello", "mail", "x"), i), endpoint.Status{State: endpoint.Idle}).
			With(func(e *serversfile.Entry) { e.Description = w.one("", w.words(5)) })
		c := endpoint.Catalog{Known: true, At: time.Now()}
		for j := range w.rnd.IntN(12) {
			name := fmt.Sprintf("%s_%d", strings.ReplaceAll(w.words(2), " ", "_"), j%3)
			raw := fmt.Sprintf(`{"name":%q,"description":%q,"inputSchema":{"type":"object","properties":{%q:{"description":%q}}},"annotations":{"readOnlyHint":%v}}`,
				name, w.one("", w.words(8)), w.words(1), w.words(3), w.rnd.IntN(2) == 0)
			c.Tools = append(c.Tools, endpoint.Tool{Name: name, Raw: []byte(raw)})
		}
		switch w.rnd.IntN(4) {
		case 0: // Nobody knows.
		case 1:
			s.Cell.Recall(c)
		default:
			s.Cell.PublishCatalog(c)
		}
		out = append(out, s)
	}
	return out
}

// pattern is one of a rule.
func (w *town) pattern() string {
	return w.one("*", "*_1", "*_2", "create*", "*branch*", "@readOnly", "!@readOnly", "*"+someWords[w.rnd.IntN(14)]+"*")
}

func (w *town) makeRules() {
	servers := func() string { return w.one("*", "git*", "*1", "*2*", "x*") }
	w.rules = fmt.Sprintf(`{"agents": {
		"a": {"allow": {"servers": [%q, %q], "tools": {%q: [%q, %q]}}, "deny": {"servers": [%q], "tools": {%q: [%q]}}},
		"b": {"allow": {"servers": ["*"]}}}}`,
		servers(), servers(), w.one("nothing*", servers()), w.pattern(), w.pattern(), w.one("nothing", "*3", "mail*"), servers(), w.pattern())
}

// only returns the servers that agent a may use, with the tools that it may use
// and nothing else.
func only(g *stage, all []*srv) (out []*srv) {
	rules := g.Snapshot().Policy
	for _, s := range all {
		name, was := s.Entry.Name, s.Cell.Catalog()
		if !rules.Decide("a", name, "").Allow {
			continue
		}
		bare := testkit.NewBackend(name, *s.Cell.Status()).With(func(e *serversfile.Entry) { *e = s.Entry })
		if was.Known {
			c := endpoint.Catalog{Known: true, At: was.At}
			for _, tool := range was.Tools {
				if endpoint.DecideTool(rules, "a", name, tool.Name, was).Allow {
					c.Tools = append(c.Tools, tool)
				}
			}
			bare.Cell.PublishCatalog(c)
		}
		out = append(out, bare)
	}
	return out
}

// What an agent may not use moves nothing: its answers are, byte for byte, those
// of a gateway where that does not exist, whatever others ask for.
func searchAsIfHiddenWereNotThere(t *testing.T, seed uint64, query string) {
	t.Helper()
	w := &town{rnd: rand.New(rand.NewPCG(seed, 1))}
	w.makeRules()
	all := w.servers()
	full := newGate(t, w.rules, all...)
	bare := newGate(t, w.rules, only(full, all)...)
	queries := []string{query, w.words(3), w.words(6), all[w.rnd.IntN(len(all))].Entry.Name + " " + w.words(1), w.one("create_0", "branch_1", "delete_2"), someWords[w.rnd.IntN(len(someWords))] + "x"}
	for i, q := range queries {
		for _, g := range []*stage{full, bare} { // Whoever asks first, the views of others are there too.
			g.call("search_tools", fmt.Sprintf(`{"agent_id":"b","query":%q}`, w.words(1)))
		}
		args := fmt.Sprintf(`{"agent_id":"a","query":%s,"limit":%d,"max_schema_tokens":%d}`, quoted(q), 1+w.rnd.IntN(12), w.rnd.IntN(300))
		if i == len(queries)-1 {
			args = fmt.Sprintf(`{"agent_id":"a","query":%s,"server":%q}`, quoted(q), all[0].Entry.Name)
		}
		got, want := full.call("search_tools", args), bare.call("search_tools", args)
		if string(got.raw) != string(want.raw) {
			t.Fatalf("seed %d, %s by %s:\ngot  %s\nwant %s", seed, args, w.rules, got.raw, want.raw)
		}
	}
}

func quoted(s string) string { return string(rawjson.AppendString(nil, s)) }

func TestSearch_hiddenMovesNothing(t *testing.T) {
	for seed := range uint64(20) {
		searchAsIfHiddenWereNotThere(t, seed, "create a branch")
	}
}

func FuzzSearch_hiddenMovesNothing(f *testing.F) {
	for i, q := range []string{"create a branch", "delte_brnch", "微博热搜", "show me the tables, not the files", "git0", "mail1/read_0"} {
		f.Add(uint64(i), q)
	}
	f.Fuzz(searchAsIfHiddenWereNotThere)
}
