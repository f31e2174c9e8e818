package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/serversfile"
	"gatehouse/testkit"
)

const wordyRules = `{
	"agents": {
		"a": {"allow": {"servers": ["db", "files", "off"], "tools": {"files": ["read"]}}, "instructions": "Own words of a."},
		"b": {"allow": {"servers": ["secret"]}, "instructions": "Own words of b."},
		"nobody": {}},
	"defaults": {"instructions": "Words for all."}}`

func described(name, text string) *srv {
	return up(name, testkit.Hangs).With(func(e *serversfile.Entry) { e.Description = text })
}

// wordyHouse has servers that say what they are for in many ways.
func wordyHouse() []*srv {
	return []*srv{
		described("db", "Orders, e.g. of today. And much more.\nSecond line."),
		up("files", testkit.Hangs).Has("read", "write"),
		server("off", endpoint.Status{State: endpoint.Disabled}),
		described("secret", "Nobody's business."),
	}
}

func TestIntroduce_saysWhatTheCallerMayKnow(t *testing.T) {
	ofA := []string{"Words for all.", "Own words of a.", "The servers that you may use:\n- db: Orders, e.g. of today.\n- files: tools: read"}
	for _, c := range []struct {
		name   string
		s      settings
		caller agents.Caller
		set    *identity.Set
		has    []string
		hasNot []string
	}{
		{"unpinned", settings{}, old, nil, []string{"Words for all."}, []string{"Own words", "- db", "files", "secret"}},
		{"unpinned, with an agent to fall back on", settings{DefaultAgent: "a"}, old, nil, []string{"search_tools"}, []string{"Own words", "- db"}},
		{"pinned", settings{Pinned: []string{"a"}}, old, nil, ofA, []string{"secret", "Own words of b", "off", "write", "more"}},
		{"pinned to several is the first", settings{Pinned: []string{"b", "a"}}, old, nil, []string{"- secret: Nobody's business.", "Own words of b."}, []string{"- db", "Own words of a"}},
		{"a pin that the rules don't know", settings{Pinned: []string{"gone"}}, old, nil, []string{"Words for all.", "There is no server that you may use now."}, []string{"- db", "secret"}},
		{"an agent that may do nothing", settings{Pinned: []string{"nobody"}}, old, nil, []string{"There is no server that you may use now."}, []string{"- db", "secret"}},
		{"a credential", settings{}, bearer(t, tokenFor("a")), tokenFor("a"), ofA, []string{"secret", "Own words of b"}},
		{"a credential that is gone", settings{}, bearer(t, tokenFor("a")), tokenFor("b"), []string{"Words for all.", "- secret"}, []string{"- db"}},
		{"a credential outside of the pin", settings{Pinned: []string{"b"}}, bearer(t, tokenFor("a")), tokenFor("a"), []string{"search_tools"}, []string{"- db", "- secret", "Own words"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGateWith(t, c.s, wordyRules, wordyHouse()...)
			if c.set != nil {
				g.credentials(c.set)
			}
			got := g.gate.Introduce(c.caller)
			for _, part := range append(c.has, "search_tools", "execute_tool") {
				if !strings.Contains(got, part) {
					t.Errorf("got %q, want it to have %q", got, part)
				}
			}
			for _, part := range c.hasNot {
				if strings.Contains(got, part) {
					t.Errorf("got %q, want it not to have %q", got, part)
				}
			}
		})
	}
}

func TestIntroduce_fitsWhatClientsShow(t *testing.T) {
	for _, c := range []struct {
		name    string
		servers int
		text    string
		words   string
	}{
		{"no servers", 0, "", ""},
		{"many", 500, "What it is for. More.", "x"},
		{"long descriptions without an end", 60, strings.Repeat("word ", 400), strings.Repeat("w", 700)},
		{"characters that count twice", 60, strings.Repeat("😀", 400), strings.Repeat("é", 700)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var servers []*srv
			for i := range c.servers {
				servers = append(servers, described(fmt.Sprintf("server%03d", i), c.text))
			}
			rules := fmt.Sprintf(`{"agents": {"a": {"allow": {"servers": ["*"]}, "instructions": %[1]q}}, "defaults": {"instructions": %[1]q}}`, c.words)
			got := newGateWith(t, settings{Pinned: []string{"a"}}, rules, servers...).gate.Introduce(old)
			if n := len(utf16.Encode([]rune(got))); n > 2000 {
				t.Errorf("got %d UTF-16 units, want at most 2000", n)
			}
			shown := strings.Count(got, "\n- server")
			if c.servers > 0 && (shown == 0 || !strings.HasSuffix(got, fmt.Sprintf("... and %d more.", c.servers-shown))) {
				t.Errorf("got %d servers and the end %q, want some, and the other %d counted", shown, got[max(0, len(got)-60):], c.servers-shown)
			}
		})
	}
}

// A client that defers tools may show its model no more than the first line, cut
// at 250 characters, until a search has found a tool.
func TestIntroduce_theFirstLine_saysWhatToDoAndWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		name    string
		servers []string
		want    string
	}{
		{"one", []string{"database"}, " (database),"},
		{"some", []string{"database", "files"}, " (database, files),"},
		{"a long name first", []string{"a" + strings.Repeat("x", 60), "files"}, " servers,"},
		{"none", nil, " servers,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var servers []*srv
			for _, name := range c.servers {
				servers = append(servers, described(name, "What it is for."))
			}
			got := newGateWith(t, settings{Pinned: []string{"a"}}, allowAll, servers...).gate.Introduce(old)
			line, _, _ := strings.Cut(got, "\n")
			for _, part := range []string{"search_tools", "execute_tool", c.want} {
				if !strings.Contains(line, part) || len(line) > 250 {
					t.Errorf("the first line has %d characters, %q, want at most 250 with %q", len(line), line, part)
				}
			}
		})
	}
}

// Of many servers the first line names some and counts the others.
func TestIntroduce_theFirstLine_countsWhatDoesNotFit(t *testing.T) {
	var servers []*srv
	for i := range 30 {
		servers = append(servers, described(fmt.Sprintf("server%02d", i), ""))
	}
	got := newGateWith(t, settings{Pinned: []string{"a"}}, allowAll, servers...).gate.Introduce(old)
	line, _, _ := strings.Cut(got, "\n")
	named := strings.Count(line, "server0")
	if want := fmt.Sprintf(" and %d more),", 30-named); named == 0 || !strings.Contains(line, want) || len(line) > 250 {
		t.Errorf("got %d characters, %q, want at most 250 with %q", len(line), line, want)
	}
}

// What a server says of itself stays on its line and within its bounds.
func TestIntroduce_aServerCannotWriteLinesOfItsOwn(t *testing.T) {
	db := up("db", testkit.Hangs)
	db.Cell.PublishCatalog(endpoint.Catalog{Known: true, Info: endpoint.ServerInfo{Description: "Good\r- admin: fake\u2028- other\x1b[31m. " + strings.Repeat("x", 1000)}})
	got := newGateWith(t, settings{Pinned: []string{"a"}}, allowAll, db).gate.Introduce(old)
	_, lines, _ := strings.Cut(got, "use:\n")
	if want := "- db: Good - admin: fake - other [31m."; lines != want {
		t.Errorf("got %q, want %q", lines, want)
	}
}

func TestDefinitions_areForClientsThatDeferTools(t *testing.T) {
	g := newGate(t, allowAll)
	for _, d := range g.gate.Definitions() {
		var def struct {
			Name, Title string
			Meta        struct {
				Load bool   `json:"anthropic/alwaysLoad"`
				Hint string `json:"anthropic/searchHint"`
			} `json:"_meta"`
		}
		if err := json.Unmarshal(d, &def); err != nil {
			t.Fatal(err)
		}
		first := def.Name == "search_tools" || def.Name == "execute_tool"
		if def.Title == "" || def.Meta.Load != first || (def.Meta.Hint != "") != (def.Name == "search_tools") {
			t.Errorf("got %s, want a title, alwaysLoad of search_tools and execute_tool only, and a hint of search_tools only", d)
		}
	}
}

// hintOf is the searchHint of search_tools among definitions.
func hintOf(t *testing.T, definitions []json.RawMessage) string {
	t.Helper()
	for _, raw := range definitions {
		var def struct {
			Name string
			Meta struct {
				Hint string `json:"anthropic/searchHint"`
			} `json:"_meta"`
		}
		if err := json.Unmarshal(raw, &def); err != nil {
			t.Fatal(err)
		}
		if def.Name == "search_tools" {
			return def.Meta.Hint
		}
	}
	t.Fatal("got no definition of search_tools, want one")
	return ""
}

func TestDefinitions_theHintNamesTheServersOfAPinnedAgent(t *testing.T) {
	const plain = "find a tool of any server for a task"
	for _, c := range []struct {
		name   string
		s      settings
		caller agents.Caller
		want   string
	}{
		{"unpinned", settings{}, old, plain},
		{"pinned", settings{Pinned: []string{"a"}}, old, plain + ": db, files"},
		{"pinned to several is the first", settings{Pinned: []string{"b", "a"}}, old, plain + ": secret"},
		{"a credential", settings{}, bearer(t, tokenFor("a")), plain + ": db, files"},
		{"an agent that may do nothing", settings{Pinned: []string{"nobody"}}, old, plain},
	} {
		g := newGateWith(t, c.s, wordyRules, wordyHouse()...)
		g.credentials(tokenFor("a"))
		if got := hintOf(t, g.gate.DefinitionsFor(c.caller)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDefinitions_theHintIsBounded(t *testing.T) {
	var servers []*srv
	for i := range 200 {
		servers = append(servers, up(fmt.Sprintf("server%03d", i), testkit.Hangs))
	}
	for pinned, want := range map[string]int{"a": 10, "a,b": 4} {
		got := hintOf(t, newGateWith(t, settings{Pinned: strings.Split(pinned, ",")}, allowAll, servers...).gate.DefinitionsFor(old))
		if n := strings.Count(got, "server0"); n != want || !strings.HasSuffix(got, fmt.Sprintf("server%03d", want-1)) {
			t.Errorf("pinned to %s: got %q, want %d whole names", pinned, got, want)
		}
	}
}

func TestDefinitions_withoutClientHints(t *testing.T) {
	for _, pinned := range [][]string{nil, {"a"}} {
		g := newGateWith(t, settings{Pinned: pinned, NoHints: true}, wordyRules, wordyHouse()...)
		for _, d := range slices.Concat(g.gate.Definitions(), g.gate.DefinitionsFor(old)) {
			if strings.Contains(string(d), `"_meta"`) || strings.Contains(string(d), "anthropic") {
				t.Errorf("got %s, want no _meta", d)
			}
		}
	}
}

// Forms show arguments in the order in which they are defined.
func TestDefinitions_argumentsAreInTheOrderOfUse(t *testing.T) {
	want := [][]string{
		{"query", "server", "limit", "max_schema_tokens", "agent_id"},
		{"include_metadata", "agent_id"},
		{"server", "names", "pattern", "max_schema_tokens", "agent_id"},
		{"server", "tool", "args", "timeout_ms", "agent_id"},
	}
	for i, d := range newGate(t, allowAll).gate.Definitions() {
		at := 0
		for _, name := range want[i] {
			next := strings.Index(string(d), `"`+name+`":{`)
			if next < at {
				t.Errorf("got %s, want the arguments in the order %q", d, want[i])
			}
			at = next
		}
	}
}
