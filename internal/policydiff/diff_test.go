package policydiff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/policy"
	"gatehouse/internal/policydiff"
	"gatehouse/internal/rulesfile"
)

// parse reads the agents of a rules file.
func parse(t *testing.T, name, agents, defaults string) policydiff.Side {
	t.Helper()
	rules, problems := rulesfile.ParseRules(name, []byte(`{"agents": {`+agents+`}, "defaults": {`+defaults+`}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return policydiff.Side{Rules: rules}
}

// lines says a difference in short.
func lines(d policydiff.Diff) string {
	var b strings.Builder
	for _, id := range d.AgentsAdded {
		fmt.Fprintf(&b, "+agent %s\n", id)
	}
	for _, id := range d.AgentsRemoved {
		fmt.Fprintf(&b, "-agent %s\n", id)
	}
	for _, c := range d.Defaults {
		fmt.Fprintf(&b, "%s %s -> %s\n", c.Key, c.From, c.To)
	}
	for _, a := range d.Answers {
		fmt.Fprintf(&b, "%s %s/%s %s -> %s\n", a.Agent, a.Server, a.Tool, a.From.Step, a.To.Step)
	}
	for _, r := range d.Rules {
		mark := ""
		if r.MayWiden {
			mark = " !"
		}
		fmt.Fprintf(&b, "%s %s %s%s\n", r.Change, r.Agent, r.Rule.Path, mark)
	}
	return fmt.Sprintf("widens %v\n%s", d.Widens, b.String())
}

func TestCompare(t *testing.T) {
	const db = `"a": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}}`
	const strict, open = ``, `"deny_on_missing_agent": false`
	tools := map[string][]string{"db": {"query", "list_users", "drop_all"}}
	cases := map[string]struct{ old, new, oldDefaults, newDefaults, want string }{
		"the same rules change nothing": {db, db, strict, strict, `widens false`},
		"an exact tool is known by its name alone": {
			db,
			`"a": {"allow": {"servers": ["db"], "tools": {"db": ["query", "insert"]}}}`, strict, strict, `widens true
a db/insert tool_not_allowed -> tool_allowed_exact
added a agents.a.allow.tools.db[1]`,
		},
		"a pattern may open what nobody has listed": {
			db,
			`"a": {"allow": {"servers": ["db"], "tools": {"db": ["query", "new_*"]}}}`, strict, strict, `widens true
added a agents.a.allow.tools.db[1] !`,
		},
		"a pattern that another one covers opens nothing": {
			`"a": {"allow": {"servers": ["db"], "tools": {"*": ["*_*"]}}}`,
			`"a": {"allow": {"servers": ["db"], "tools": {"*": ["*_*"], "db": ["list_*"]}}}`, strict, strict, `widens false
added a agents.a.allow.tools.db
added a agents.a.allow.tools.db[0]`,
		},
		"a pattern that is denied opens nothing": {
			`"a": {"allow": {"servers": ["db"], "tools": {"db": ["query"]}}, "deny": {"tools": {"*": ["drop_*"]}}}`,
			`"a": {"allow": {"servers": ["db"], "tools": {"db": ["query", "drop_t*"]}}, "deny": {"tools": {"*": ["drop_*"]}}}`, strict, strict, `widens false
added a agents.a.allow.tools.db[1]`,
		},
		"the first key takes the implicit grant away": {
			`"a": {"allow": {"servers": ["db"]}}`,
			`"a": {"allow": {"servers": ["db"], "tools": {"db": ["list_*"]}}}`, strict, strict, `widens false
a db/drop_all implicit_grant -> tool_not_allowed
a db/query implicit_grant -> tool_not_allowed
added a agents.a.allow.tools.db
added a agents.a.allow.tools.db[0]`,
		},
		"the loss of the last key gives it back": {
			db,
			`"a": {"allow": {"servers": ["db"]}}`, strict, strict, `widens true
a db/drop_all tool_not_allowed -> implicit_grant
a db/list_users tool_not_allowed -> implicit_grant
removed a agents.a.allow.tools.db !
removed a agents.a.allow.tools.db[0]`,
		},
		"the loss of a deny may open": {
			`"a": {"allow": {"servers": ["db"]}, "deny": {"tools": {"*": ["drop_*"]}}}`,
			`"a": {"allow": {"servers": ["db"]}}`, strict, strict, `widens true
a db/drop_all tool_denied_pattern -> implicit_grant
removed a agents.a.deny.tools["*"]
removed a agents.a.deny.tools["*"][0] !`,
		},
		"a deny for a server that cannot be reached is no loss": {
			`"a": {"allow": {"servers": ["db"]}, "deny": {"tools": {"prod-*": ["drop_*"]}, "servers": ["prod-*"]}}`,
			`"a": {"allow": {"servers": ["db"]}}`, strict, strict, `widens false
removed a agents.a.deny.tools["prod-*"]
removed a agents.a.deny.tools["prod-*"][0]
removed a agents.a.deny.servers[0]`,
		},
		"another order is no change": {
			`"a": {"allow": {"servers": ["db", "docs"]}}`, `"a": {"allow": {"servers": ["docs", "db"]}}`, strict, strict, `widens false`,
		},
		"a new agent widens by what it may do": {db, db + `, "b": {"allow": {"servers": ["docs"]}}, "c": {}`, strict, strict, `widens true
+agent b
+agent c
b docs/ unknown_agent -> server_allowed
added b agents.b.allow.servers[0]`},
		"an agent that goes loses what it had": {db, ``, strict, strict, `widens false
-agent a
a db/ server_allowed -> unknown_agent
a db/query tool_allowed_exact -> unknown_agent
removed a agents.a.allow.servers[0]
removed a agents.a.allow.tools.db
removed a agents.a.allow.tools.db[0]`},
		"a removed agent falls back on default": {
			`"a": {}, "default": {"allow": {"servers": ["docs"]}}`, `"default": {"allow": {"servers": ["docs"]}}`, open, open, `widens true
-agent a
a docs/ server_not_allowed -> server_allowed
added a agents.default.allow.servers[0]`,
		},
		"strangers and the nameless are callers too": {
			`"default": {"allow": {"servers": ["docs-*"]}}`, `"default": {"allow": {"servers": ["docs-*"]}}`, strict, open, `widens true
defaults.deny_on_missing_agent true -> false
added (any other agent) agents.default.allow.servers[0] !
added (no agent_id) agents.default.allow.servers[0] !`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := policydiff.Compare(parse(t, "old.json", c.old, c.oldDefaults), parse(t, "new.json", c.new, c.newDefaults), tools)
			if diff := cmp.Diff(c.want+"\n", lines(d)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if d.Asked == 0 {
				t.Error("nothing was asked")
			}
		})
	}
}

func TestCompare_namelessCallers_areWhoTheEnvironmentSays(t *testing.T) {
	old := parse(t, "old.json", `"a": {}, "default": {}`, `"deny_on_missing_agent": false`)
	now := parse(t, "new.json", `"a": {"allow": {"servers": ["docs"]}}, "default": {}`, `"deny_on_missing_agent": false`)
	old.DefaultAgent, now.DefaultAgent = "a", "a"
	d := policydiff.Compare(old, now, nil)
	if !slices.ContainsFunc(d.Answers, func(a policydiff.Answer) bool { return a.Agent == policydiff.Nobody && a.Widens() }) {
		t.Errorf("got %s, want an answer that widens for %s", lines(d), policydiff.Nobody)
	}
}

func TestCompare_credentials_sayWhoMayComeIn(t *testing.T) {
	type set = map[string]string
	cases := map[string]struct {
		before, after set
		widens        bool
		changes       int
	}{
		"none":                               {nil, nil, false, 0},
		"the same":                           {set{"a": "x"}, set{"a": "x"}, false, 0},
		"the first shuts all others out":     {nil, set{"a": "x"}, false, 1},
		"one more lets somebody in":          {set{"a": "x"}, set{"a": "x", "b": "y"}, true, 1},
		"another meaning may let somebody":   {set{"a": "x"}, set{"a": "y"}, true, 1},
		"one less":                           {set{"a": "x", "b": "y"}, set{"a": "x"}, false, 1},
		"the loss of the last lets all come": {set{"a": "x"}, nil, true, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := policydiff.Compare(policydiff.Side{Credentials: c.before}, policydiff.Side{Credentials: c.after}, nil)
			if d.Widens != c.widens || len(d.Defaults) != c.changes {
				t.Errorf("got %+v, want widens %v with %d changed defaults", d, c.widens, c.changes)
			}
		})
	}
}

// chance makes rules out of so few letters that they meet.
type chance struct{ *rand.Rand }

func (c chance) pattern() string {
	b := make([]byte, 1+c.IntN(3))
	for i := range b {
		b[i] = "aab*"[c.IntN(4)]
	}
	return string(b)
}

func (c chance) rules(most int) []policy.Rule {
	list := make([]policy.Rule, c.IntN(most+1))
	for i := range list {
		list[i].Pattern = c.pattern()
	}
	return list
}

func (c chance) tools() []policy.ServerRules {
	list := make([]policy.ServerRules, c.IntN(3))
	for i := range list {
		list[i] = policy.ServerRules{Server: policy.Rule{Pattern: c.pattern()}, Rules: c.rules(3)}
	}
	return list
}

func (c chance) agent(id string) policy.Agent {
	a := policy.Agent{ID: id, Allow: policy.Access{Servers: c.rules(2), Tools: c.tools()}, Deny: policy.Access{Tools: c.tools()}}
	if c.IntN(2) == 0 {
		a.Deny.Servers = c.rules(1)
	}
	return a
}

func (c chance) file() policy.Rules {
	r := policy.Rules{DenyOnMissingAgent: c.IntN(2) == 0}
	for _, id := range []string{"default", "x", "y"} {
		if c.IntN(3) > 0 {
			r.Agents = append(r.Agents, c.agent(id))
		}
	}
	return r
}

// changed is a copy with one part of one agent replaced.
func (c chance) changed(r policy.Rules) policy.Rules {
	other := c.file()
	r.Agents = slices.Clone(r.Agents)
	if len(r.Agents) == 0 || len(other.Agents) == 0 || c.IntN(8) == 0 {
		return other
	}
	a, from := &r.Agents[c.IntN(len(r.Agents))], other.Agents[0]
	switch c.IntN(6) {
	case 0:
		a.Allow.Servers = from.Allow.Servers
	case 1:
		a.Deny.Servers = from.Deny.Servers
	case 2:
		a.Allow.Tools = from.Allow.Tools
	case 3:
		a.Deny.Tools = from.Deny.Tools
	case 4:
		r.DenyOnMissingAgent = other.DenyOnMissingAgent
	case 5:
		r.Agents = r.Agents[1:]
	}
	return r
}

// The promise of the package, by trying every short name. The letter z is in
// no pattern.
func TestCompare_whateverOpens_isSaidToWiden(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	names := []string{"a", "b", "z", "aa", "ab", "ba", "bb", "az", "za", "zz", "aza", "aba", "bzb", "azb", "aab"}
	opened, careful, quiet := 0, 0, 0
	for range 3000 {
		old := c.file()
		now := c.changed(old)
		d := policydiff.Compare(policydiff.Side{Rules: old}, policydiff.Side{Rules: now}, map[string][]string{"a": {"a"}})
		who, what := widening(policy.Compile(old), policy.Compile(now), names)
		switch {
		case who != "" && !d.Widens:
			t.Fatalf("seed %d: %s may use %s now, and it does not widen:\n%+v\n%+v", seed, who, what, old, now)
		case who != "":
			opened++
		case d.Widens:
			careful++
		default:
			quiet++
		}
	}
	t.Logf("%d open something, %d only look so, %d open nothing", opened, careful, quiet)
	if opened == 0 || quiet < careful {
		t.Error("the cases say little")
	}
}

// widening finds somebody who may do more.
func widening(old, now *policy.Policy, names []string) (who, what string) {
	may := func(p *policy.Policy, agent, server, tool string) bool {
		id, err := p.ResolveAgent(agent, agent != "", nil, "")
		return err == nil && p.Decide(id, server, tool).Allow
	}
	for _, agent := range []string{"x", "y", "default", "stranger", ""} {
		for _, server := range names {
			for _, tool := range append([]string{""}, names...) {
				if !may(old, agent, server, tool) && may(now, agent, server, tool) {
					return agent + "|", server + "/" + tool
				}
			}
		}
	}
	return "", ""
}
