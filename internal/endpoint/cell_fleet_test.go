package endpoint_test

import (
	"testing"

	"gatehouse/internal/endpoint"
)

func TestPassRuns_numbersGoOnWhereAnotherGatewayStopped(t *testing.T) {
	c := endpoint.NewCell("files", endpoint.Identity{Spec: "print"}, endpoint.Status{State: endpoint.Starting})
	c.PassRuns(7)
	if got := c.NextRun(); got != 8 {
		t.Errorf("got run %d after run 7 elsewhere, want 8", got)
	}
	c.PassRuns(3)
	if got := c.NextRun(); got != 9 {
		t.Errorf("got run %d after an older one elsewhere, want 9", got)
	}
}
