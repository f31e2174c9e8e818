package supervisor_test

import (
	"slices"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestSuspects_toolThatRanAtTwoCrashes_isNamedOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		p := plan("files", 1)
		h.run(t, p)
		crashWith := func(tools ...string) []string {
			exit := crash(p, endpoint.Serving)
			for _, tool := range tools {
				exit.Calls.Add(endpoint.Call{ID: "x", Agent: "a", Tool: tool})
			}
			h.fail("files@1", exit)
			testkit.Expect[note](t, h.notes) // Started again.
			return p.Cell.Suspects()
		}
		for i, step := range []struct{ ran, want []string }{
			{nil, nil},
			{[]string{"write", "write", "read"}, nil},
			{[]string{"list"}, nil},
			{[]string{"write", "stat"}, []string{"write"}},
			{[]string{"write", "read", "list"}, []string{"list", "read", "write"}},
		} {
			if got := crashWith(step.ran...); !slices.Equal(got, step.want) {
				t.Errorf("after crash %d: got %q, want %q", i+1, got, step.want)
			}
		}
		for _, want := range []string{"write", "list", "read"} {
			if e := testkit.Expect[messages.ServerSuspected](t, h.events); e != (messages.ServerSuspected{Server: "files", Run: 1, Tool: want}) {
				t.Errorf("got %+v, want %s", e, want)
			}
		}
	})
}
