package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestMain_unknownCommand_namesTheOneThatWasProbablyMeant(t *testing.T) {
	t.Parallel()
	env := operatorEnv(&testkit.Gateway{Dir: t.TempDir()})
	for given, want := range map[string]string{"stauts": "status", "validte": "validate", "reloa": "reload"} {
		runIn(t, env, given).want(t, exitUsage, `"`+given+`"`, "did you mean "+want)
	}
	if r := runIn(t, env, "xyzzy").want(t, exitUsage, "xyzzy"); strings.Contains(r.err, "did you mean") {
		t.Errorf("it must not suggest anything: %s", r.err)
	}
}

func TestChange_countsAsPeopleDo(t *testing.T) {
	for n, want := range map[int]string{0: "0 rules change", 1: "1 rule changes", 2: "2 rules change"} {
		if got := change(n, "rule"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
