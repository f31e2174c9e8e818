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
		what := a.Tool + a.Resource + a.Prompt
		if a.Annotations != "" {
			what += " (" + a.Annotations + ")"
		}
		fmt.Fprintf(&b, "%s %s/%s %s -> %s\n", a.Agent, a.Server, what, a.From.Step, a.To.Step)
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
	tools := policydiff.ToolLists{"db": {"query": 0, "list_users": 0, "drop_all": 0}, "notes": {"get": policy.Known | policy.ReadOnly, "put": policy.Known}}
	const notes = `"a": {"allow": {"servers": ["notes"], "tools": {"notes": ["x"]}, "resources": {"notes": ["n:*"]}, "prompts": {"notes": ["ask"]}}`
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
		"an annotation is asked for with those of the tools, and may open what changes them": {
			notes + `}`, notes[:len(notes)-1] + `}, "deny": {"tools": {"*": ["@openWorld"]}}, "expose": {"notes": ["get"]}}`, strict, strict, `widens false
a notes/x (unknown) tool_allowed_exact -> tool_denied_pattern
added a agents.a.deny.tools["*"]
added a agents.a.deny.tools["*"][0]
added a agents.a.expose.notes
added a agents.a.expose.notes[0]`,
		},
		"an allowed annotation opens the tools that have it": {
			`"a": {"allow": {"servers": ["notes"], "tools": {"notes": []}}}`, `"a": {"allow": {"servers": ["notes"], "tools": {"notes": ["@readOnly"]}}}`, strict, strict, `widens true
a notes/get (@readOnly !@destructive !@idempotent !@openWorld) tool_not_allowed -> tool_allowed_pattern
added a agents.a.allow.tools.notes[0] !`,
		},
		"a name that is denied by annotation today opens when the server changes it": {
			`"a": {"allow": {"servers": ["s"], "tools": {"s": []}}, "deny": {"tools": {"s": ["@destructive"]}}}`,
			`"a": {"allow": {"servers": ["s"], "tools": {"s": ["x"]}}, "deny": {"tools": {"s": ["@destructive"]}}}`, strict, strict, `widens true
a s/x (!@readOnly !@destructive !@idempotent !@openWorld) tool_not_allowed -> tool_allowed_exact
added a agents.a.allow.tools.s[0]`,
		},
		"resources and prompts are asked for by what the rules name": {
			notes + `}`, `"a": {"allow": {"servers": ["notes"], "tools": {"notes": ["x"]}, "resources": {"notes": ["n:*", "f:1", "f:2*"]}, "prompts": {"notes": ["tell"]}}}`,
			strict, strict, `widens true
a notes/f:1 resource_not_allowed -> resource_allowed_exact
a notes/ask prompt_allowed_exact -> prompt_not_allowed
a notes/tell prompt_not_allowed -> prompt_allowed_exact
removed a agents.a.allow.prompts.notes[0]
added a agents.a.allow.resources.notes[1]
added a agents.a.allow.resources.notes[2] !
added a agents.a.allow.prompts.notes[0]`,
		},
		"without a key of tools resources are given, unless they have a key": {
			notes + `}`, `"a": {"allow": {"servers": ["notes"], "tools": {"n*": ["x"]}, "resources": {"notes": ["n:*"]}}}`, strict, strict, `widens true
a notes/ask prompt_allowed_exact -> prompt_not_allowed
removed a agents.a.allow.tools.notes
removed a agents.a.allow.tools.notes[0]
removed a agents.a.allow.prompts.notes
removed a agents.a.allow.prompts.notes[0]
added a agents.a.allow.tools["n*"]
added a agents.a.allow.tools["n*"][0] !`,
		},
		"the loss of a deny of a URI opens its other spellings": {
			`"a": {"allow": {"servers": ["s"]}, "deny": {"resources": {"s": ["file:///x", "FILE:///x"]}}}`,
			`"a": {"allow": {"servers": ["s"]}, "deny": {"resources": {"s": ["FILE:///x"]}}}`, strict, strict, `widens false
removed a agents.a.deny.resources.s[0]`,
		},
		"the loss of its last deny": {
			`"a": {"allow": {"servers": ["s"]}, "deny": {"resources": {"s": ["file:///x"]}}}`,
			`"a": {"allow": {"servers": ["s"]}, "deny": {"resources": {"s": []}}}`, strict, strict, `widens true
a s/file:///x resource_denied_exact -> implicit_grant
removed a agents.a.deny.resources.s[0] !`,
		},
		"a URI that climbs is opened by its bytes, also where all others were given": {
			`"a": {"allow": {"servers": ["*"]}}`, `"a": {"allow": {"servers": ["*"], "resources": {"*": ["f:/../a", "*"]}}}`, strict, strict, `widens true
added a agents.a.allow.resources["*"]
added a agents.a.allow.resources["*"][0] !
added a agents.a.allow.resources["*"][1]`,
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

// keyed are lists by server of patterns that one makes.
func (c chance) keyed(one func() string) []policy.ServerRules {
	list := make([]policy.ServerRules, c.IntN(3))
	for i := range list {
		list[i].Server.Pattern = c.pattern()
		for range c.IntN(4) {
			list[i].Rules = append(list[i].Rules, policy.Rule{Pattern: one()})
		}
	}
	return list
}

func (c chance) tools() []policy.ServerRules {
	return c.keyed(func() string {
		if c.IntN(5) == 0 {
			return policy.AnnotationRules()[c.IntN(4)]
		}
		return c.pattern()
	})
}

func (c chance) resources() []policy.ServerRules {
	return c.keyed(func() string {
		return []string{"f:a*", "F:a*", "f:%61*", "f:a", "F:%61", "*a", "f:*/../a", "f:a/../a", "f:a//*", "f:a/*", "*", "F:*"}[c.IntN(12)]
	})
}

// access has some lists of each kind.
func (c chance) access() (a policy.Access) {
	switch c.IntN(3) {
	case 0:
		a.Resources = c.resources()
	case 1:
		a.Prompts = c.keyed(c.pattern)
	}
	a.Tools = c.tools()
	return a
}

func (c chance) agent(id string) policy.Agent {
	a := policy.Agent{ID: id, Allow: c.access(), Deny: c.access()}
	a.Allow.Servers = c.rules(2)
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
	switch c.IntN(10) {
	case 6:
		a.Allow.Resources = from.Allow.Resources
	case 7:
		a.Deny.Resources = from.Deny.Resources
	case 8:
		a.Allow.Prompts = from.Allow.Prompts
	case 9:
		a.Deny.Prompts = from.Deny.Prompts
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
	questions := questionsAbout(names)
	opened, careful, quiet := 0, 0, 0
	for range 1500 {
		old := c.file()
		now := c.changed(old)
		d := policydiff.Compare(policydiff.Side{Rules: old}, policydiff.Side{Rules: now}, policydiff.ToolLists{"a": {"a": 0}})
		who, what := widening(policy.Compile(old), policy.Compile(now), questions)
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

// questionsAbout asks about everything short.
func questionsAbout(names []string) (questions []policy.Question) {
	uris := []string{"", "z", "f:a", "F:a", "f:%61", "f:a/a", "f:a//a", "f:a/../a", "F:a/../a", "f:a/./a", "f:z", "F:z/a"}
	for _, server := range names[:8] {
		questions = append(questions, policy.Question{Server: server})
		for i, name := range names {
			for _, a := range []policy.Annotations{0, policy.Known, policy.Known | policy.ReadOnly, policy.Known | policy.Destructive}[i%4:] {
				questions = append(questions, policy.Question{Server: server, Kind: policy.Tools, Name: name, Annotations: a})
			}
		}
		for _, name := range names[:10] {
			questions = append(questions, policy.Question{Server: server, Kind: policy.Prompts, Name: name})
		}
		for _, uri := range uris {
			questions = append(questions, policy.Question{Server: server, Kind: policy.Resources, Name: uri})
		}
	}
	return questions
}

// widening finds somebody who may do more.
func widening(old, now *policy.Policy, questions []policy.Question) (who, what string) {
	for _, agent := range []string{"x", "y", "default", "stranger", ""} {
		may := func(p *policy.Policy) func(policy.Question) bool {
			id, err := p.ResolveAgent(agent, agent != "", nil, "")
			return func(q policy.Question) bool { return err == nil && p.Ask(id, q).Allow }
		}
		before, after := may(old), may(now)
		for _, q := range questions {
			if !before(q) && after(q) {
				return agent + "|", fmt.Sprintf("%+v", q)
			}
		}
	}
	return "", ""
}
