package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gatehouse/testkit"
)

// callID is what differs between two answers to the same question.
var callID = regexp.MustCompile(`[0-9a-f]{12}-[0-9]+`)

// masked is everything that an agent was told, the names that it asked for
// apart. available is ordered by nearness to the name, so it is cut as well.
func masked(r testkit.Result, names ...string) string {
	text := callID.ReplaceAllString(r.Text+"\n"+string(r.Structured), "CALL")
	for _, name := range names {
		text = strings.ReplaceAll(text, name, "NAME")
	}
	return text
}

// Names that look like an allowed one, but are not it byte for byte, are as
// strange as any other.
func TestAttack_lookAlikeNames_areDeniedLikeAnyOther(t *testing.T) {
	t.Parallel()
	rules := testkit.Rules{"a": {Allow: []string{"db"}, Tools: testkit.Tools{"db": {"echo"}}}}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"db": testkit.Fake(t), "vault": testkit.Fake(t)}.JSON(), Rules: rules.JSON(),
	})
	a := testkit.Agent{ID: "a", Caller: g.Raw(t)}
	a.Execute(t, "db", "echo", map[string]any{"x": 1}).Good(t)

	plain := masked(a.Execute(t, "nothing-like-it", "echo", nil), "nothing-like-it")
	for what, server := range map[string]string{
		"another case":            "DB",
		"a Cyrillic letter":       "dЬ",
		"a full-width letter":     "ｄb",
		"a zero-width space":      "d\u200bb",
		"a space behind":          "db ",
		"a line end behind":       "db\n",
		"a zero byte behind":      "db\x00",
		"a zero byte and more":    "db\x00vault",
		"the wildcard":            "*",
		"a pattern":               "d*",
		"a path":                  "../db",
		"one that exists, denied": "vault",
	} {
		r := a.Execute(t, server, "echo", nil)
		r.Failed(t, "DENIED_BY_POLICY")
		if strings.ContainsAny(r.Text, "\x00\n") {
			t.Errorf("%s: no control character may come back, got %q", what, r.Text)
		}
		if what == "one that exists, denied" && masked(r, server) != plain {
			t.Errorf("%s must not be told apart:\n%s\n%s", what, masked(r, server), plain)
		}
	}
	for what, tool := range map[string]string{
		"another case": "Echo", "a Cyrillic letter": "есho", "a zero byte": "echo\x00", "a line end": "echo\n", "the wildcard": "*",
		"one that exists, denied": "env",
	} {
		if got := a.Execute(t, "db", tool, nil).Code(); got != "DENIED_BY_POLICY" {
			t.Errorf("tool, %s: got %s, want %q", what, got, "DENIED_BY_POLICY")
		}
	}
}

func TestAttack_namesWithoutEnd_areRefusedWithoutBeingRepeated(t *testing.T) {
	t.Parallel()
	_, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	long := strings.Repeat("x", 1<<20)
	for _, r := range []testkit.Result{
		a.Execute(t, long, "echo", nil), a.Execute(t, "s", long, nil),
		a.Call(t, "get_server_tools", map[string]any{"server": "s", "pattern": long}),
		a.As(long).Execute(t, "s", "echo", nil),
	} {
		if r.Code() == "" || len(r.Text) > 2000 {
			t.Errorf("got %q and %d bytes of text, want an error of at most 2000 bytes", r.Code(), len(r.Text))
		}
	}
}

func TestAttack_agentIDs_thatAreForgedOrMalformed(t *testing.T) {
	t.Parallel()
	rules := testkit.Rules{
		"reader": {Allow: []string{"s"}, Tools: testkit.Tools{"s": {"echo"}}},
		"admin":  {Allow: []string{"*"}},
	}
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: rules.JSON(), Args: []string{"--agent", "reader"},
	})
	raw := g.Raw(t)
	for what, c := range map[string]struct{ id, code string }{
		"outside the pin":      {"admin", "INVALID_AGENT_ID"},
		"another case":         {"Reader", "INVALID_AGENT_ID"},
		"a look-alike":         {"rеader", "INVALID_AGENT_ID"},
		"a zero byte":          {"reader\x00", "INVALID_AGENT_ID"},
		"a line end":           {"reader\n", "INVALID_AGENT_ID"},
		"a list":               {"reader,admin", "INVALID_AGENT_ID"},
		"the wildcard":         {"*", "INVALID_AGENT_ID"},
		"the pinned one":       {"reader", ""},
		"none: the pinned one": {"", ""},
	} {
		if got := (testkit.Agent{ID: c.id, Caller: raw}).Execute(t, "s", "echo", nil).Code(); got != c.code {
			t.Errorf("%s: got %q, want %q", what, got, c.code)
		}
	}
}

// Whoever makes a call now and then must not learn from its ids how many calls
// others have made; the audit log finds each by its id all the same.
func TestAttack_callIDs_sayNothingOfHowManyThereAre(t *testing.T) {
	t.Parallel()
	g, a := begin(t, testkit.Servers{"s": testkit.Fake(t)})
	var numbers []uint64
	for range 4 {
		id, _ := a.Execute(t, "s", "echo", map[string]any{"x": 1}).Good(t).Meta["io.gatehouse/call_id"].(string)
		_, number, _ := strings.Cut(id, "-")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("got the id %q, want an instance and a number", id)
		}
		for _, other := range numbers {
			if max(n, other)-min(n, other) < 1<<20 {
				t.Errorf("got the numbers %d and %d, want none near another", n, other)
			}
		}
		numbers = append(numbers, n)
		testkit.Eventually(t, "the call in the audit log", func() bool {
			return strings.Contains(testkit.ReadFile(t, g.AuditFile), `"call_id":"`+id+`"`)
		})
	}
}
