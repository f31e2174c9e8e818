package main

import (
	"strings"
	"testing"

	"gatehouse/internal/admin"
	"gatehouse/internal/policy"
	"gatehouse/internal/policydiff"
	"gatehouse/testkit"
)

const roleRules = `{"agents": {
  "a": {"extends": ["reader"], "limits": {"burst": 2}}
 },
 "roles": {
  "reader": {
   "allow": {"servers": ["s"], "tools": {"s": ["echo", "p*"]}},
   "limits": {"per_tool": {"s": {"p*": {"concurrent": 3}}}}
  }
 },
 "defaults": {"limits": {"calls_per_minute": 2}}}
`

// Commands name the line of a role, and of a limit, wherever it is written.
func TestRoles_areKnownToTheCommands(t *testing.T) {
	t.Parallel()
	file := written(t, "rules.json", roleRules)
	alone(t, "explain", "a", "s", "pid", "--rules", file).want(t, exitFine,
		`tool_allowed_pattern, roles.reader.allow.tools.s[1] "p*" `+file+":6:56",
		"limits:\n  calls_per_minute 2, defaults.limits.calls_per_minute "+file+":10:46\n  burst 2, agents.a.limits.burst "+file+":2:52\n"+
			`  concurrent 3 of "p*" on "s" together, roles.reader.limits.per_tool.s["p*"].concurrent `+file+":7:55",
		"roles: reader\n")
	e := value[policy.Explanation](t, alone(t, "explain", "a", "s", "echo", "--rules", file, "--json").want(t, exitFine))
	if len(e.Limits) != 2 || e.Limits[1].Line != 2 || len(e.Roles) != 1 {
		t.Errorf("got the limits %+v of the roles %q, want two, and reader", e.Limits, e.Roles)
	}
	tests := written(t, "tests.json", `[{"rules": `+roleRules+`, "cases": [{"agent": "a", "server": "s", "tool": "pid", "allow": true, "step": "tool_allowed_pattern"},
	  {"agent": "reader", "server": "s", "allow": false, "step": "unknown_agent"}]}]`)
	alone(t, "policy", "test", tests).want(t, exitFine, "2 cases")
	wider := written(t, "wider.json", strings.NewReplacer(`"p*"]`, `"p*", "crash"]`, `"burst": 2`, `"burst": 5`).Replace(roleRules))
	d := alone(t, "policy", "diff", wider, "--rules", file).want(t, exitNo,
		"limit of a: burst: 5, was 2 (widens)", "roles.reader.allow.tools.s[2] \"crash\" "+wider+":6:62", "access widens")
	if strings.Contains(d.out, "calls_per_minute") {
		t.Errorf("got %s, want no word of a limit that stays", d.out)
	}
	j := value[policydiff.Diff](t, alone(t, "policy", "diff", wider, "--rules", file, "--json").want(t, exitNo))
	if len(j.Limits) != 1 || !j.Limits[0].Widens {
		t.Errorf("got %+v, want one limit that widens", j.Limits)
	}
}

// Limits are in force in the running gateway, over reloads, and status counts what
// they refuse.
func TestLimits_ofTheRunningGateway(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"s": testkit.Fake(t)}, roleRules)
	for range 2 {
		a.Execute(t, "s", "echo", nil).Good(t)
	}
	e := a.Execute(t, "s", "echo", nil).Failed(t, "RATE_LIMITED")
	if e.RetryAfterMS == nil || *e.RetryAfterMS < 20_000 || *e.RetryAfterMS > 30_000 || e.Rule != "defaults.limits.calls_per_minute" {
		t.Errorf("got %+v, want to try again after 30 s, by the limit of the defaults", e)
	}
	g.Apply(t, g.RulesFile, strings.Replace(roleRules, `"burst": 2`, `"burst": 3`, 1))
	a.Execute(t, "s", "echo", nil).Good(t)
	a.Execute(t, "s", "echo", nil).Failed(t, "RATE_LIMITED")
	st, s := statusOf(t, g, "s")
	if len(st.Limited) != 1 || st.Limited[0].Agent != "a" || st.Limited[0].Refused != 2 || st.Limited[0].Limit != e.Rule || st.Rules != (admin.Rules{Agents: 1, Roles: 1, Limited: 1}) {
		t.Errorf("got %+v and %+v, want two calls of a refused, and one agent with one role", st.Limited, st.Rules)
	}
	if s.Calls != 3 || s.Errors != 0 {
		t.Errorf("the server has %d calls and %d errors, want 3 and none: it has not seen the others", s.Calls, s.Errors)
	}
	operate(t, g, "status", "--all").want(t, exitFine, "limit    a: 2 calls refused", "1 agent, 1 role, limits for 1")
}
