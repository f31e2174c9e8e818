package endpoint_test

import (
	"testing"
	"time"

	"gatehouse/internal/endpoint"
)

func TestSuccessor_keepsCatalogAndCounts(t *testing.T) {
	old := endpoint.NewCell("db", endpoint.Identity{Spec: "fp"}, endpoint.Status{State: endpoint.Ready})
	old.NextRun()
	old.NextRun()
	old.Move(endpoint.GivenUp, time.Now(), func(next *endpoint.Status) { next.Run, next.Restarts = 2, 2 })
	old.PublishCatalog(endpoint.Catalog{Known: true, Tools: []endpoint.Tool{{Name: "query"}}})

	held := endpoint.Identity{Spec: "fp", Unusable: endpoint.Held, Reason: "lunch"}
	next := old.Successor(held, endpoint.Status{State: endpoint.Held, Reason: "lunch"})

	if next.Identity() != held {
		t.Errorf("got %+v, want %+v", next.Identity(), held)
	}
	if st := next.Status(); st.State != endpoint.Held || st.Reason != "lunch" || st.Restarts != 2 {
		t.Errorf("first status: %+v, want held for lunch after 2 restarts", st)
	}
	if got := next.NextRun(); got != 3 {
		t.Errorf("its first run is %d, want 3", got)
	}
	if _, ok := next.Catalog().Lookup("query"); !ok || !next.Catalog().Known {
		t.Error("the tools are not listed any more")
	}
}

// Or else a death of the old process and one of the new would be the end of the same run.
func TestInstead_numbersRunsOn(t *testing.T) {
	old := endpoint.NewCell("db", endpoint.Identity{Spec: "before"}, endpoint.Status{State: endpoint.Ready})
	old.NextRun()
	next := endpoint.NewCell("db", endpoint.Identity{Spec: "after"}, endpoint.Status{State: endpoint.Starting}).Instead(old)
	if got := next.NextRun(); got != 2 {
		t.Errorf("the first run of the changed entry is %d, want 2", got)
	}
}

func TestSuccessor_sharesNothingThatChanges(t *testing.T) {
	old := endpoint.NewCell("db", endpoint.Identity{Spec: "fp"}, endpoint.Status{State: endpoint.Ready})
	if old.Acquire(10) != endpoint.Admitted {
		t.Fatal("cannot enter the old cell")
	}
	next := old.Successor(endpoint.Identity{Spec: "fp"}, endpoint.Status{State: endpoint.Starting})
	old.Close()
	old.Move(endpoint.Removed, time.Now(), nil)
	old.PublishCatalog(endpoint.Catalog{Known: true})

	if next.InFlight() != 0 || next.Acquire(1) != endpoint.Admitted {
		t.Error("calls on the old cell count on the new one")
	}
	if got := next.Status().State; got != endpoint.Starting {
		t.Errorf("what the old one published shows as %s, want %s", got, endpoint.Starting)
	}
	select {
	case <-next.Catalog().Replaced():
		t.Error("the old one's catalog replaced the new one's")
	default:
	}
	next.PublishCatalog(endpoint.Catalog{Known: true})
	old.Release()
	if old.InFlight() != 0 || next.InFlight() != 1 {
		t.Errorf("in flight: %d on the old, %d on the new, want 0, 1", old.InFlight(), next.InFlight())
	}
}
