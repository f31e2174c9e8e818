package fleet_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/fleet"
	kit "gatehouse/testkit/fleet"
)

func TestMemoryStore_doesWhatEveryStoreMust(t *testing.T) {
	for _, c := range kit.Conformance() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := kit.NewMemoryStore()
				c.Run(t, func() fleet.Store { return m.Client() })
			})
		})
	}
}

// nodeA is a node that joins.
var nodeA = fleet.Node{ID: "a", Boot: "1"}

func TestMemoryStore_whatIsCutOff_waitsAndLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kit.NewMemoryStore()
		a := m.Client()
		l, ttl, err := a.Join(t.Context(), nodeA, 2*time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		a.Cut()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Renew(short, nodeA, l); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v from a store that cannot be reached, want that of the context", err)
		}
		time.Sleep(ttl)
		if got := m.View().Nodes; len(got) != 0 {
			t.Errorf("got the nodes %v, want none", got)
		}
		a.Heal()
		if err := a.Renew(t.Context(), nodeA, l); !errors.Is(err, fleet.ErrLost) {
			t.Errorf("got %v afterwards, want %v", err, fleet.ErrLost)
		}
	})
}

func TestMemoryStore_mute_doesWhatIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kit.NewMemoryStore()
		a := m.Client()
		a.Mute()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := a.Join(short, nodeA, 5*time.Second, 0); err == nil {
			t.Error("got an answer, want none")
		}
		if got := m.View().Nodes; len(got) != 1 {
			t.Errorf("got the nodes %v, want the one that joined", got)
		}
	})
}

func TestMemoryStore_frozen_keepsLeasesAndGivesThemAllTheirTimeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kit.NewMemoryStore()
		a := m.Client()
		l, ttl, err := a.Join(t.Context(), nodeA, 2*time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		m.Freeze()
		time.Sleep(3 * ttl)
		m.Thaw()
		time.Sleep(ttl - time.Millisecond)
		if err := a.Renew(t.Context(), nodeA, l); err != nil {
			t.Errorf("got %v, want that the lease lives", err)
		}
	})
}

func TestMemoryStore_restored_isAnotherStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := kit.NewMemoryStore()
		a := m.Client()
		b := m.Backup()
		if _, _, err := a.Join(t.Context(), nodeA, 2*time.Second, 0); err != nil {
			t.Fatal(err)
		}
		was := m.View()
		m.Restore(b)
		if is := m.View(); is.Store == was.Store || is.Revision >= was.Revision || len(is.Nodes) != 0 {
			t.Errorf("got %+v after %+v, want another id, a smaller revision and no nodes", is, was)
		}
	})
}
