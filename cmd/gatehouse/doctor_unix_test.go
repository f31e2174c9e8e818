//go:build unix

package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

func TestDoctor_ofARunningGateway_saysWhichServersFail(t *testing.T) {
	p := newPerson(t, testkit.Servers{"bad": {"command": "nowhere-to-be-found"}}, testkit.AllowAll("a"))
	a := p.open(t, "--agent", "a")
	testkit.Eventually(t, "the server has failed", func() bool {
		r := runIn(t, p.env, "doctor")
		return strings.Contains(r.out, "server bad is ") && strings.Contains(r.out, "gatehouse status bad")
	})
	runIn(t, p.env, "doctor").want(t, exitNo, "reached by attach", "started with: run --transport attach")
	a.end(t)
}
