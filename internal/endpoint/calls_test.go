package endpoint_test

import (
	"fmt"
	"slices"
	"testing"

	"gatehouse/internal/endpoint"
)

func TestCalls_manyOfThem_areCountedAndTheFirstNamed(t *testing.T) {
	var calls endpoint.Calls
	if calls.Len() != 0 {
		t.Errorf("no calls: got %d", calls.Len())
	}
	for i := range 1000 {
		calls.Add(endpoint.Call{ID: fmt.Sprint(i), Agent: "a", Tool: fmt.Sprint("tool", i%3)})
	}
	if len(calls.First) != endpoint.MaxCalls || calls.First[0].ID != "0" || calls.More != 1000-endpoint.MaxCalls || calls.Len() != 1000 {
		t.Errorf("got %+v, want the first %d of 1000 and how many more", calls, endpoint.MaxCalls)
	}
	slices.Sort(calls.Tools)
	if !slices.Equal(calls.Tools, []string{"tool0", "tool1", "tool2"}) {
		t.Errorf("got tools %q, want [tool0 tool1 tool2]", calls.Tools)
	}
}

func TestCalls_toolsAreLimited(t *testing.T) {
	var calls endpoint.Calls
	for i := range 100_000 {
		calls.Add(endpoint.Call{Tool: fmt.Sprint(i)})
	}
	if len(calls.Tools) > 1000 {
		t.Errorf("%d tools are kept, want 1000 at most", len(calls.Tools))
	}
}

func TestCell_countsWhatWasAdmittedAndWhatIsOverdue(t *testing.T) {
	c := newCell()
	for range 3 {
		c.Acquire(2)
	}
	c.Release()
	c.NoteOverdue()
	if c.Admitted() != 2 || c.Overdue() != 1 {
		t.Errorf("got %d admitted and %d overdue, want 2 and 1", c.Admitted(), c.Overdue())
	}
}

func TestCell_suspects(t *testing.T) {
	c := newCell()
	if got := c.Suspects(); len(got) != 0 {
		t.Errorf("a new cell suspects %q, want none", got)
	}
	c.PublishSuspects([]string{"write"})
	if got := c.Suspects(); !slices.Equal(got, []string{"write"}) {
		t.Errorf("got %q, want [write]", got)
	}
	if got := c.Successor(endpoint.Identity{Spec: "print"}, endpoint.Status{}).Suspects(); len(got) != 0 {
		t.Errorf("a fresh start suspects %q, want none", got)
	}
}
