package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
)

func TestFleet_serversWhoseCallsWaitTooShort_areNamed(t *testing.T) {
	route := func(name string, transport serversfile.Transport, wait time.Duration) *snapshot.Route {
		return &snapshot.Route{Entry: serversfile.Entry{Name: name, Transport: transport, Settings: serversfile.Settings{RestartWait: wait}}}
	}
	snap := snapshot.New(1, time.Now(), policy.Compile(policy.Rules{}), "", []*snapshot.Route{
		route("short", serversfile.Stdio, 7*time.Second), route("enough", serversfile.Stdio, 8*time.Second), route("web", serversfile.HTTP, 0),
	})
	if got := shortWaits(snap, 6*time.Second); len(got) != 1 || !strings.Contains(got[0], "short: restart_wait_ms is 7000") || !strings.Contains(got[0], "8000") {
		t.Errorf("got %q, want the server short alone, with both times", got)
	}
}
