package gate_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/testkit"
)

// none is what must not be said of a list that is not known.
const none = "There is none"

// Of a server whose tools are not known yet nothing is said that may be false.
func TestDenied_whileTheToolsAreNotKnown_saysNothingFalse(t *testing.T) {
	const patterns = `{"agents": {"a": {"allow": {"servers": ["clock"], "tools": {"clock": ["get_*"]}}, "deny": {"tools": {"clock": ["set_time"]}}}}}`
	const names = `{"agents": {"a": {"allow": {"servers": ["clock"], "tools": {"clock": ["now", "today", "gone"]}}, "deny": {"tools": {"clock": ["gone"]}}}}}`
	const whole = `{"agents": {"a": {"allow": {"servers": ["clock"]}, "deny": {"tools": {"clock": ["set_time"]}}}}}`
	for _, c := range []struct {
		name, rules, tool string
		server            *srv
		available         []string // nil: nothing is said
		says              string
	}{
		{"the rules name tools", names, "get_time", server("clock", endpoint.Status{State: endpoint.Idle}), []string{"today", "now"}, "By the rules you may use: today, now."},
		{"while it starts", names, "nov", server("clock", endpoint.Status{State: endpoint.Starting}), []string{"now", "today"}, "Correct the name; if none fits, call get_server_tools: which tools it has is not known yet."},
		{"the rules have patterns", patterns, "set_time", server("clock", endpoint.Status{State: endpoint.Idle}), nil, "Which tools it has is not known yet. Call get_server_tools to see which you may use."},
		{"the server was given whole", whole, "set_time", server("clock", endpoint.Status{State: endpoint.Quarantined}), nil, "Which tools it has is not known yet."},
		{"the list is known and has none", patterns, "set_time", up("clock", testkit.Hangs).Has("set_time"), []string{}, "There is none that you may use. Tell the user."},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, c.rules, c.server)
				begun := time.Now()
				got := g.execute("clock", c.tool)
				if got.err.Code != "DENIED_BY_POLICY" || !slices.Equal(got.err.Available, c.available) || (got.err.Available == nil) != (c.available == nil) {
					t.Errorf("got %s with %q, want DENIED_BY_POLICY with %q", got.err.Code, got.err.Available, c.available)
				}
				if !strings.Contains(got.err.Message, c.says) || c.available == nil && strings.Contains(got.err.Message, none) {
					t.Errorf("got %q, want %q", got.err.Message, c.says)
				}
				if time.Since(begun) != 0 || len(g.Heard()) != 0 {
					t.Errorf("it took %v and asked %q: a denied name waits for nothing", time.Since(begun), g.Heard())
				}
			})
		})
	}
}

// A list that is not fresh shows nothing for sure, and says so.
func TestToolNotFound_ofAListThatIsNotFresh_saysSo(t *testing.T) {
	for _, c := range []struct {
		name    string
		catalog func() endpoint.Catalog
		says    string
	}{
		{
			"it could not be read again", func() endpoint.Catalog {
				return endpoint.Catalog{Known: true, At: time.Now().Add(-time.Minute), Tools: []endpoint.Tool{{Name: "other"}}, Err: "timed out"}
			}, `There is no tool "query" on "db" by its list of 60 s ago, and a fresh one could not be read. You may use: other.`,
		},
		{
			"it may not be whole", func() endpoint.Catalog {
				return endpoint.Catalog{Known: true, At: time.Now(), Tools: []endpoint.Tool{{Name: "other"}}, Warning: "odd cursors"}
			}, `There is no tool "query" on "db" by its list, which may not be all of it. You may use: other.`,
		},
		{
			"it may not be whole, and has none", func() endpoint.Catalog {
				return endpoint.Catalog{Known: true, At: time.Now(), Warning: "odd cursors"}
			}, `which may not be all of it. Which tools it has could not be read in full. Call get_server_tools to see them.`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := up("db", testkit.Says(oneText)).HasFrom(time.Now().Add(-time.Minute), "other")
				g := newGate(t, allowAll, db)
				g.Refresh = func(string, *endpoint.Cell) { db.Cell.PublishCatalog(c.catalog()) }
				got := g.execute("db", "query").err
				if got.Code != "TOOL_NOT_FOUND" || !strings.Contains(got.Message, c.says) {
					t.Errorf("got %s %q, want TOOL_NOT_FOUND and %q", got.Code, got.Message, c.says)
				}
				// Why, is said wherever an agent could wonder.
				trouble := db.Cell.Catalog().Trouble()
				if want := " What is wrong with its list: " + trouble + "."; !strings.HasSuffix(got.Message, want) {
					t.Errorf("got %q, want it to end in %q", got.Message, want)
				}
				for tool, args := range map[string]string{"list_servers": `{"agent_id":"a"}`, "get_server_tools": `{"agent_id":"a","server":"db"}`} {
					if got, want := g.call(tool, args).raw, `"tools_problem":"`+trouble+`"`; !strings.Contains(string(got), want) {
						t.Errorf("%s: got %s, want it to have %s", tool, got, want)
					}
				}
			})
		})
	}
}

// not_found is said of a fresh list only, and a denied name makes nobody wait.
func TestGetServerTools_aNameThatTheListLacks_hasItReadAgain(t *testing.T) {
	for _, c := range []struct {
		name, args string
		age        time.Duration
		state      endpoint.State
		heard      []string
		returned   int
	}{
		{"an old list", `,"names":"fresh"`, time.Minute, endpoint.Ready, []string{"refresh db"}, 1},
		{"a fresh list", `,"names":"fresh"`, 0, endpoint.Ready, nil, 0},
		{"a denied name", `,"names":"denied"`, time.Minute, endpoint.Ready, nil, 0},
		{"a server that is not ready", `,"names":"fresh"`, time.Minute, endpoint.BackingOff, nil, 0},
		{"no names", ``, time.Minute, endpoint.Ready, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := server("db", endpoint.Status{State: c.state, Session: testkit.NewSession(1, testkit.Hangs)}).HasFrom(time.Now().Add(-c.age), "other")
				g := newGate(t, `{"agents": {"a": {"allow": {"servers": ["db"]}, "deny": {"tools": {"db": ["denied"]}}}}}`, db)
				g.Refresh = func(string, *endpoint.Cell) {
					time.AfterFunc(time.Second, func() { db.Has("other", "fresh", "denied") })
				}
				a := g.tools(c.args)
				if a.Returned != c.returned || !slices.Equal(g.Heard(), c.heard) {
					t.Errorf("got %d tools and %q, want %d and %q", a.Returned, g.Heard(), c.returned, c.heard)
				}
			})
		})
	}
}
