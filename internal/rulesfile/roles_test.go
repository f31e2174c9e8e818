package rulesfile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/rulesfile"
)

const roleRules = `{"agents": {
  "backend": {"extends": ["reader", "careful"], "allow": {"servers": ["db"]}},
  "default": {"extends": ["reader"]}
 },
 "roles": {
  "reader":  {"extends": ["careful"], "allow": {"servers": ["docs"], "tools": {"docs": ["read_*"]}}},
  "careful": {"deny": {"tools": {"*": ["drop_*"]}}}
 },
 "defaults": {"deny_on_missing_agent": false}}`

// parsed are rules that must be without problems.
func parsed(t testing.TB, src string) policy.Rules {
	t.Helper()
	rules, problems := rulesfile.ParseRules("r.json", []byte(src))
	if len(problems) > 0 {
		t.Fatalf("%s\nhas problems: got %v, want none", src, problems)
	}
	return rules
}

// A rule of a role decides under its own name and place.
func TestRoles_theirRulesDecideWithTheirOwnPathAndPosition(t *testing.T) {
	p := policy.Compile(parsed(t, roleRules))
	for _, c := range []struct {
		agent, server, tool string
		want                policy.Step
		path                string
		line                int
	}{
		{"backend", "db", "query", policy.ImplicitGrant, "agents.backend.allow.servers[0]", 2},
		{"backend", "docs", "read_page", policy.ToolAllowedPattern, "roles.reader.allow.tools.docs[0]", 6},
		{"backend", "docs", "write", policy.ToolNotAllowed, "", 0},
		{"backend", "db", "drop_all", policy.ToolDeniedPattern, `roles.careful.deny.tools["*"][0]`, 7},
		{"stranger", "docs", "drop_all", policy.ToolDeniedPattern, `roles.careful.deny.tools["*"][0]`, 7},
		{"stranger", "docs", "", policy.ServerAllowed, "roles.reader.allow.servers[0]", 6},
		{"stranger", "db", "", policy.ServerNotAllowed, "", 0},
		{"reader", "db", "", policy.ServerNotAllowed, "", 0}, // A role is nobody to be.
	} {
		d := p.Decide(p.StandIn(c.agent), c.server, c.tool)
		line := 0
		if d.Rule != nil {
			line = d.Rule.Pos.Line
		}
		if d.Step != c.want || d.Path() != c.path || line != c.line {
			t.Errorf("%s %s %s: got %s by %q in line %d, want %s by %q in line %d", c.agent, c.server, c.tool, d.Step, d.Path(), line, c.want, c.path, c.line)
		}
	}
}

func TestRoles_theOrderIsOwnThenEachRoleFollowedByWhatItExtends(t *testing.T) {
	rules := parsed(t, `{"agents": {"a": {"extends": ["x", "y"], "allow": {"servers": ["own"]}}}, "roles": {
	  "z": {"allow": {"servers": ["z"]}}, "y": {"extends": ["base"], "allow": {"servers": ["y"]}},
	  "x": {"extends": ["base", "z"], "allow": {"servers": ["x"]}}, "base": {"allow": {"servers": ["base"]}}}}`)
	var servers []string
	for _, r := range rules.Agents[0].Allow.Servers {
		servers = append(servers, r.Pattern)
	}
	if want := []string{"own", "x", "base", "z", "y"}; !slices.Equal(servers, want) || !slices.Equal(rules.Agents[0].Roles, want[1:]) {
		t.Errorf("got %q of the roles %q, want %q, each role once", servers, rules.Agents[0].Roles, want)
	}
}

// limitsOf prints the limits of an agent.
func limitsOf(l policy.Limits) string {
	text := func(a policy.Amounts) string {
		var parts []string
		for i, one := range a.All() {
			if one.N > 0 {
				parts = append(parts, fmt.Sprintf("%s %d by %s", policy.LimitKeys[i], one.N, one.Path))
			}
		}
		return strings.Join(parts, ", ")
	}
	lines := []string{text(l.Amounts)}
	for _, t := range l.PerTool {
		lines = append(lines, t.Server.Pattern+"/"+t.Tool.Pattern+": "+text(t.Amounts))
	}
	return strings.TrimPrefix(strings.Join(lines, "\n"), "\n")
}

func TestLimits_areInheritedKeyByKey(t *testing.T) {
	const defaults = `"defaults": {"limits": {"calls_per_minute": 60, "burst": 10, "per_tool": {"db": {"drop_*": {"calls_per_minute": 1, "concurrent": 2}}}}}`
	for _, c := range []struct{ name, agent, want string }{
		{"nothing of its own", `{}`, `calls_per_minute 60 by defaults.limits.calls_per_minute, burst 10 by defaults.limits.burst
db/drop_*: calls_per_minute 1 by defaults.limits.per_tool.db["drop_*"].calls_per_minute, concurrent 2 by defaults.limits.per_tool.db["drop_*"].concurrent`},
		{"one key", `{"limits": {"calls_per_minute": 5}}`, `calls_per_minute 5 by agents.a.limits.calls_per_minute, burst 10 by defaults.limits.burst
db/drop_*: calls_per_minute 1 by defaults.limits.per_tool.db["drop_*"].calls_per_minute, concurrent 2 by defaults.limits.per_tool.db["drop_*"].concurrent`},
		{
			"null lifts", `{"limits": {"calls_per_minute": null, "burst": null, "per_tool": {"db": {"drop_*": {"concurrent": null}, "q": {"concurrent": 3}}}}}`,
			`db/drop_*: calls_per_minute 1 by defaults.limits.per_tool.db["drop_*"].calls_per_minute
db/q: concurrent 3 by agents.a.limits.per_tool.db.q.concurrent`,
		},
		{"null of one tool", `{"limits": {"calls_per_minute": null, "burst": null, "per_tool": {"db": {"drop_*": null}}}}`, ``},
		{"null of all tools", `{"limits": {"burst": null, "per_tool": null}}`, `calls_per_minute 60 by defaults.limits.calls_per_minute`},
		{"null of all", `{"limits": null}`, ``},
		{
			"a role goes before the defaults, and the agent before it", `{"limits": {"concurrent": 9}, "extends": ["r", "s"]}`,
			`calls_per_minute 7 by roles.r.limits.calls_per_minute, burst 10 by defaults.limits.burst, concurrent 9 by agents.a.limits.concurrent, result_bytes_per_hour 5 by roles.s.limits.result_bytes_per_hour`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := parsed(t, `{"agents": {"a": `+c.agent+`}, "roles": {
			  "r": {"limits": {"calls_per_minute": 7, "concurrent": 1, "per_tool": null}},
			  "s": {"limits": {"calls_per_minute": 8, "result_bytes_per_hour": 5}}}, `+defaults+`}`)
			if got := limitsOf(rules.Agents[0].Limits); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			if limits := policy.Compile(rules).Limits("a"); (limits == nil) != (c.want == "") {
				t.Errorf("compiled: got %+v, want none only where there is none", limits)
			}
		})
	}
}

// lists are an allow or a deny.
type lists struct {
	Servers []string            `json:"servers"`
	Tools   map[string][]string `json:"tools,omitempty"`
}

// few are at most as many patterns, of so few names that they meet.
func (c chance) few(most int) []string {
	list := []string{}
	for range c.IntN(most + 1) {
		list = append(list, []string{"a", "b", "ab", "a*", "*b", "*"}[c.IntN(6)])
	}
	return list
}

func (c chance) someLists() lists {
	l := lists{Servers: c.few(2), Tools: map[string][]string{}}
	for _, key := range c.few(2) {
		l.Tools[key] = c.few(3)
	}
	return l
}

// written is an agent or a role as it is written.
type written struct {
	Allow   lists          `json:"allow"`
	Deny    lists          `json:"deny"`
	Limits  map[string]any `json:"limits,omitempty"`
	Extends []string       `json:"extends,omitempty"`
}

func (c chance) written(roles []string) written {
	w := written{Allow: c.someLists(), Deny: lists{Servers: []string{}}, Limits: map[string]any{}}
	if c.IntN(3) == 0 {
		w.Deny = c.someLists()
	}
	for _, key := range policy.LimitKeys {
		switch c.IntN(4) {
		case 0:
			w.Limits[key] = 1 + c.IntN(100)
		case 1:
			if key != "burst" { // It needs the other.
				w.Limits[key] = nil
			}
		}
	}
	if _, has := w.Limits["burst"]; has {
		w.Limits["calls_per_minute"] = 1 + c.IntN(100)
	}
	for _, i := range c.Perm(len(roles))[:c.IntN(min(3, len(roles))+1)] {
		w.Extends = append(w.Extends, roles[i])
	}
	return w
}

// byHand writes an agent out, without roles, as a person would: the lists one
// after the other, and of limits the first that says something.
func byHand(w written, roles map[string]written, seen map[string]bool) written {
	out := written{Allow: join(lists{}, w.Allow), Deny: join(lists{}, w.Deny), Limits: map[string]any{}}
	maps.Copy(out.Limits, w.Limits)
	for _, name := range w.Extends {
		if seen[name] {
			continue
		}
		seen[name] = true
		role := byHand(roles[name], roles, seen)
		out.Allow, out.Deny = join(out.Allow, role.Allow), join(out.Deny, role.Deny)
		for k, v := range role.Limits {
			if _, said := out.Limits[k]; !said {
				out.Limits[k] = v
			}
		}
	}
	return out
}

func join(a, b lists) lists {
	out := lists{Servers: slices.Concat(a.Servers, b.Servers), Tools: map[string][]string{}}
	if out.Servers == nil {
		out.Servers = []string{}
	}
	for _, l := range []lists{a, b} {
		for key, tools := range l.Tools {
			out.Tools[key] = append(append([]string{}, out.Tools[key]...), tools...)
		}
	}
	return out
}

// Rules with roles mean what the same rules mean written out by hand.
func TestRoles_meanWhatTheRulesWrittenOutMean(t *testing.T) {
	seed := rand.Uint64()
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	allowed := map[bool]int{}
	for range 300 {
		var names []string
		roles := map[string]written{}
		for i := range c.IntN(5) { // Each extends only those before: no circle.
			name := fmt.Sprint("r", i)
			roles[name] = c.written(names)
			names = append(names, name)
		}
		agent := c.written(names)
		short := asJSON(t, map[string]any{"agents": map[string]any{"x": agent}, "roles": roles})
		whole := byHand(agent, roles, map[string]bool{})
		if whole.Limits["calls_per_minute"] == nil {
			delete(whole.Limits, "burst") // An error by hand, and of no effect where it is inherited.
		}
		long := asJSON(t, map[string]any{"agents": map[string]any{"x": whole}})
		a, b := errorFree(t, short), errorFree(t, long)
		pa, pb := policy.Compile(a), policy.Compile(b)
		for _, server := range []string{"a", "b", "ab", "c"} {
			for _, tool := range []string{"", "a", "b", "ab", "cb", "c"} {
				got, want := pa.Decide("x", server, tool), pb.Decide("x", server, tool)
				allowed[got.Allow]++
				if got.Step != want.Step || got.Allow != want.Allow {
					t.Fatalf("seed %d: %s %s: got %s, want %s\n%s\nby hand\n%s", seed, server, tool, got.Step, want.Step, short, long)
				}
			}
		}
		for i, l := range a.Agents[0].Limits.All() {
			if want := b.Agents[0].Limits.All()[i]; l.N != want.N {
				t.Fatalf("seed %d: %s: got %d, want %d\n%s\nby hand\n%s", seed, policy.LimitKeys[i], l.N, want.N, short, long)
			}
		}
	}
	if allowed[true] == 0 || allowed[false] == 0 {
		t.Errorf("only one answer was seen: %v", allowed)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func errorFree(t *testing.T, src string) policy.Rules {
	t.Helper()
	rules, problems := rulesfile.ParseRules("r.json", []byte(src))
	if jsondoc.HasErrors(problems) {
		t.Fatalf("got %v, want none\n%s", problems, src)
	}
	return rules
}

// Whatever a small file multiplies to is bounded, in rules and in time.
func TestRoles_thatMultiply_areRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"roles": {"r": {"allow": {"servers": ["a"` + strings.Repeat(",\n\"a\"", 20_000) + `]}}}, "agents": {`)
	for i := range 100 {
		fmt.Fprintf(&b, `"a%d": {"extends": ["r"]},`, i)
	}
	wantCode(t, b.String()+`}}`, "rules-too-many-rules")
	b.Reset()
	b.WriteString(`{"roles": {"r0": {},`)
	for i := range 20_000 {
		fmt.Fprintf(&b, `"r%d": {"extends": ["r%d"]},%s`, i+1, i, "\n")
	}
	b.WriteString(`}, "agents": {`)
	for i := range 1000 {
		fmt.Fprintf(&b, `"a%d": {"extends": ["r20000"]},%s`, i, "\n")
	}
	wantCode(t, b.String()+`}}`, "rules-too-many-rules")
}

func TestLimits_ofVeryManyTools_areRefused(t *testing.T) {
	many := func(prefix string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%s%d": {"concurrent": 1},`, prefix, i)
		}
		return b.String()
	}
	wantCode(t, `{"agents": {"a": {"limits": {"per_tool": {"db": {`+many("t", 257)+`}}}}}}`, "rules-bad-limit")
	wantCode(t, `{"agents": {"a": {"extends": ["r"], "limits": {"per_tool": {"db": {`+many("t", 200)+`}}}}},
	  "roles": {"r": {"limits": {"per_tool": {"db": {`+many("u", 200)+`}}}}}}`, "rules-bad-limit")
}

func wantCode(t *testing.T, src, code string) {
	t.Helper()
	_, problems := rulesfile.ParseRules("r.json", []byte(src))
	if len(problems) != 1 || problems[0].Code != code {
		t.Errorf("got %.300v, want one %s", problems, code)
	}
}
