package endpoint_test

import (
	"testing"
	"time"

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

func TestCell_placeOfAServerThatCannotRunHere(t *testing.T) {
	c := endpoint.NewCell("files", endpoint.Identity{Barred: "TOKEN is not set"}, endpoint.Status{State: endpoint.Starting})
	says := func(want string) {
		t.Helper()
		if got := c.Place(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	says("no gateway of the fleet runs it now; cannot run here: TOKEN is not set")
	c.Move(endpoint.Moved, time.Now(), func(next *endpoint.Status) { next.Node = "n1" })
	says("runs at n1; cannot run here: TOKEN is not set")
	c.Move(endpoint.Barred, time.Now(), func(next *endpoint.Status) { next.Node = "" })
	says("no gateway of the fleet can run it; cannot run here: TOKEN is not set")
	if got := endpoint.NewCell("files", endpoint.Identity{}, endpoint.Status{State: endpoint.Ready}).Place(); got != "" {
		t.Errorf("got %q of a server that can run here, want nothing", got)
	}
}
