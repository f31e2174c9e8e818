package main

import (
	"context"
	"encoding/json"
	"testing"

	"gatehouse/testkit"
	"gatehouse/testkit/spec"
)

// toStateless are the definitions of what the gateway may send to a server of
// 2026-07-28, by method.
var toStateless = map[string]string{
	"server/discover":         "DiscoverRequest",
	"tools/list":              "ListToolsRequest",
	"tools/call":              "CallToolRequest",
	"subscriptions/listen":    "SubscriptionsListenRequest",
	"notifications/cancelled": "CancelledNotification",
}

// checkSent compares what reached a server with the schema and gives how often
// each method came.
func checkSent(t *testing.T, record string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for _, r := range testkit.Record(t, record) {
		if r.Event != "message" {
			continue
		}
		seen[r.Method]++
		message := map[string]any{"jsonrpc": "2.0", "method": r.Method, "params": r.Params}
		if r.Request != nil {
			message["id"] = r.Request
		}
		sent, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Validate(statelessRevision, toStateless[r.Method], sent); err != nil {
			t.Errorf("%s: %v", r.Method, err)
		}
	}
	return seen
}

func TestEras_whatAStatelessServerIsSent_fitsTheSchema(t *testing.T) {
	t.Parallel()
	servers, records := onlyStateless(t)
	g, a := begin(t, servers)
	c := g.RawStateless(t, mayBeAsked)
	for server := range servers {
		t.Run(server, func(t *testing.T) {
			a.Execute(t, server, "echo", nil).Good(t)
			answers := map[string]any{"requestState": "x", "inputResponses": map[string]any{"city": map[string]any{"action": "accept"}}}
			if _, err := c.Retry(t.Context(), "execute_tool", execute(server, "ask"), answers); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			call := a.Go(ctx, server, "hang", map[string]any{"id": "c"})
			awaitCall(t, records[server], "c")
			cancel()
			awaitEvent(t, records[server], "cancelled", "c")
			<-call.Done()
			seen := checkSent(t, records[server])
			for method := range toStateless {
				// Over HTTP to close the request is the cancellation.
				if seen[method] == 0 && (server == "stdio" || method != "notifications/cancelled") {
					t.Errorf("%s did not reach the server", method)
				}
			}
		})
	}
}
