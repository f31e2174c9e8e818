package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestFind_findsWhatTheAgentMayUse(t *testing.T) {
	t.Parallel()
	g, a := beginRules(t, testkit.Servers{"fake": testkit.Fake(t)}, `{"agents":{"a":{"allow":{"servers":["fake"],"tools":{"fake":["echo"]}}}}}`)
	a.Tools(t, "fake") // Its list is there now.
	for _, c := range []struct {
		args []string
		code int
		has  []string
		not  string
	}{
		{[]string{"find", "echo"}, 0, []string{"fake", "echo"}, "No tool fits"},
		{[]string{"find", "--why", "echo"}, 0, []string{"as echo in name"}, "No tool fits"},
		{[]string{"find", "hang", "--agent", "a"}, exitNo, []string{"No tool fits"}, "hangs"},
		{[]string{"find", "calibrate", "the", "telescope"}, exitNo, []string{`No tool fits "calibrate the telescope"`}, "usage"},
		{[]string{"find", "--json", "echo"}, 0, []string{`"fits":true`, `"tool":"echo"`}, "No tool fits"},
		{[]string{"find", " "}, exitUsage, nil, "usage"},
		{[]string{"find", "x", "--limit", "51"}, exitUsage, nil, "usage"},
		{[]string{"find", "x", "--server", "nosuch"}, exitNo, nil, "echo"},
	} {
		r := operate(t, g, c.args...)
		if r.code != c.code || strings.Contains(r.out, c.not) {
			t.Errorf("%v: got %+v, want exit code %d and no %q", c.args, r, c.code, c.not)
		}
		for _, part := range c.has {
			if !strings.Contains(r.out, part) {
				t.Errorf("%v: got %q, want it to have %q", c.args, r.out, part)
			}
		}
	}
}
