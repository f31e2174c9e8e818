package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestAgent_thatTheRulesDoNotHave_isSaidWhereDefaultIsUsed(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"fake": testkit.Fake(t)}, `{"defaults": {"deny_on_missing_agent": false}, "agents": {
		"backend": {"allow": {"servers": ["fake"]}}, "default": {"allow": {"servers": ["fake"], "tools": {"fake": ["echo"]}}}}}`)
	a.Tools(t, "fake") // Its list is there now.
	const said = `the rules have no agent "bakend" (the nearest is "backend"): those of the agent "default" are used` + "\n"
	for _, args := range [][]string{{"call", "fake", "echo", `{"text": "x"}`}, {"tools"}, {"tools", "--json"}, {"find", "echo"}} {
		if r := operate(t, g, append(args, "--agent", "bakend")...); r.code != exitFine || r.err != said || strings.Contains(r.out, "no agent") {
			t.Errorf("%v --agent bakend: got %+v, want exit code 0 and %q on stderr alone", args, r, said)
		}
		for _, known := range [][]string{nil, {"--agent", "backend"}, {"--agent", "default"}} {
			if r := operate(t, g, append(args, known...)...); r.err != "" {
				t.Errorf("%v %v: got %q on stderr, want nothing", args, known, r.err)
			}
		}
	}
	if r := operate(t, g, "find", "echo", "--agent", "zzzzzz"); !strings.HasPrefix(r.err, `the rules have no agent "zzzzzz": those of`) {
		t.Errorf("got %q, want no name where none is near", r.err)
	}
}
