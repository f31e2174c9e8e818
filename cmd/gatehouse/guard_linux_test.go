package main

import (
	"strings"
	"testing"

	"gatehouse/testkit"
)

// A guard runs beside each gateway: it has nothing of the gateway but what it
// needs, however much that takes to set up.
func TestGuard_beginsWithoutTheGateway(t *testing.T) {
	t.Parallel()
	trace := []string{"GODEBUG=inittrace=1", "GORACE=atexit_sleep_ms=0"}
	guard := runIn(t, append(trace, "GATEHOUSE_GUARD=nobodysinstance"), "guard") // Its stdin has ended.
	gateway := runIn(t, append(trace, testkit.AsGateway()...), "version")
	if guard.code != 0 || gateway.code != 0 {
		t.Fatalf("got the exit codes %d and %d, want 0: %s", guard.code, gateway.code, guard.err)
	}
	for _, part := range []string{"init gatehouse/internal/front/gate ", "init github.com/mark3labs/mcp-go/server ", "init github.com/santhosh-tekuri/jsonschema/v6 "} {
		if !strings.Contains(gateway.err, part) {
			t.Errorf("a gateway begins without %q, so this test shows nothing", part)
		}
		if strings.Contains(guard.err, part) {
			t.Errorf("a guard begins with %q, want it to be a guard before", part)
		}
	}
}
