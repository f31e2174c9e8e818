package main

import (
	"fmt"
	"testing"

	"gatehouse/testkit"
)

// Of ten calls in flight one is refused or cut off: that one is lost. OPERATIONS
// has the figures of this test.
func TestFigures_tenCallsInFlight_oneGoesWrong(t *testing.T) {
	for name, args := range map[string]map[string]any{
		"answered 403":  {"status": 403, "body": "<html>blocked</html>"},
		"stream cut":    {"status": 200, "headers": map[string]any{"Content-Type": "text/event-stream"}, "body": ": working\n\n", "cut": true},
		"nothing wrong": {"status": 200, "body": `{"jsonrpc":"2.0","id":null,"result":{"content":[]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			record := recordFile(t)
			fake := testkit.StartHTTPFake(t, "--record", record)
			_, a := begin(t, testkit.Servers{"s": {"url": fake.Base + "/mcp"}})
			var others []*testkit.Pending
			for i := range 9 {
				id := fmt.Sprint("o", i)
				others = append(others, a.Go(t.Context(), "s", "sleep", map[string]any{"ms": 2000, "id": id}))
				awaitCall(t, record, id)
			}
			lost, want := 0, 1
			if a.Execute(t, "s", "http", args).Code() != "" {
				lost++
			}
			for _, other := range others {
				if other.Wait(t).Code() != "" {
					lost++
				}
			}
			if name == "nothing wrong" {
				want = 0
			}
			t.Logf("%s: %d of 10 calls were lost", name, lost)
			if lost != want {
				t.Errorf("%d of 10 calls were lost, want %d", lost, want)
			}
		})
	}
}
