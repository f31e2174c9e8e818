package fleetstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"gatehouse/internal/fleet"
	"gatehouse/internal/fleetstore"
	"gatehouse/testkit"
	kit "gatehouse/testkit/fleet"
)

var node = fleet.Node{ID: "a", Boot: "1"}

// limited returns a context that ends after a generous time.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// joined returns the lease of the node, which has joined. It lasts until the test ends,
// on any machine.
func joined(t *testing.T, s *fleetstore.Store) fleet.Lease {
	t.Helper()
	l, _, err := s.Join(limited(t), node, 5*time.Minute, 0)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// views follows a store and returns the latest view whenever it is called.
func views(t *testing.T, s *fleetstore.Store) func() fleet.View {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	latest := make(chan fleet.View, 1)
	latest <- fleet.View{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Follow(ctx, func(v fleet.View) {
			<-latest
			latest <- v
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() fleet.View {
		v := <-latest
		latest <- v
		return v
	}
}

// raw returns etcd's own client.
func raw(t *testing.T, urls []string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: urls, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestStore_memberFrozenOrKilled_matterToNobody(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 3, kit.EtcdOptions{})
	const ttl = 10 * time.Second // The other members may have to agree on a leader first, on a busy machine.
	s := openFor(t, etcd.URLs(), "f", ttl)
	l := joined(t, s)
	view := views(t, s)
	testkit.Eventually(t, "the node is seen", func() bool { return view().Nodes["a"].Boot == "1" })
	for i, m := range etcd.Members {
		m.Freeze() // Each once, so that the one which is asked is among them.
		// A renewal must have an answer before a tenure ends, which is at 0.8 ttl.
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), ttl*8/10)
			if err := s.Renew(ctx, node, l); err != nil {
				t.Fatalf("member %d is frozen: got %v for a renewal, want none", i, err)
			}
			cancel()
		}
		generation, err := s.Restart(limited(t), "s")
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "what changes is seen", func() bool {
			_ = s.Renew(limited(t), node, l)
			return view().Generation >= generation
		})
		m.Continue()
		m.Start()
		if err := s.Renew(limited(t), node, l); err != nil {
			t.Fatalf("member %d was killed: got %v for a renewal, want none", i, err)
		}
	}
}

func TestStore_quorumIsBack_everythingGoesOn(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 3, kit.EtcdOptions{})
	s := open(t, etcd.URLs(), "f")
	view := views(t, s)
	l := joined(t, s)
	etcd.Members[0].Kill()
	etcd.Members[1].Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := s.Renew(ctx, node, l); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v from what has no quorum, want that time is over", err)
	}
	etcd.Members[0].StartOnly()
	etcd.Members[1].StartOnly()
	generation, err := s.Restart(limited(t), "s")
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "what changes is seen", func() bool { return view().Generation >= generation })
}

func TestStore_restoredFromABackup_isReadAgain(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	m := etcd.Members[0]
	s := open(t, etcd.URLs(), "f")
	view := views(t, s)
	before, err := s.PutHold(limited(t), "s", fleet.Hold{Held: true, Why: "before"})
	if err != nil {
		t.Fatal(err)
	}
	m.Kill()
	backup := m.Backup()
	m.Start()
	for range 3 {
		if _, err := s.PutHold(limited(t), "s", fleet.Hold{Held: true, Why: time.Now().String()}); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "what is lost later is seen", func() bool { return view().Generation > before })
	m.Kill()
	m.Restore(backup)
	m.Start()
	// It would wait for the revision that it had, which is far ahead.
	testkit.Eventually(t, "what the backup has is seen", func() bool {
		v := view()
		return v.Generation == before && v.Holds["s"].Why == "before"
	})
}

func TestStore_compacted_isReadAgain(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	s := open(t, etcd.URLs(), "f")
	view := views(t, s)
	testkit.Eventually(t, "anything is seen", func() bool { return view().Revision > 0 })
	etcd.Members[0].Freeze()
	etcd.Members[0].Continue()
	c := raw(t, etcd.URLs())
	var last uint64
	for range 20 {
		generation, err := s.Restart(limited(t), "s")
		if err != nil {
			t.Fatal(err)
		}
		last = generation
		if _, err := c.Compact(limited(t), int64(generation)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "the last change is seen", func() bool { return view().Generation == last })
}

func TestStore_full_renewsStill_andSaysWhatToDo(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{Quota: 4 << 20})
	s := open(t, etcd.URLs(), "f")
	l := joined(t, s)
	c := raw(t, etcd.URLs())
	var err error
	for range 20 {
		if _, err = c.Put(limited(t), "others", strings.Repeat("x", 1<<20)); err != nil {
			break
		}
	}
	if err == nil {
		t.Fatal("got no error from a store that should be full")
	}
	if err := s.Renew(limited(t), node, l); err != nil {
		t.Errorf("got %v for a renewal, want none: it writes nothing", err)
	}
	_, _, err = s.Claim(limited(t), "s", fleet.Owner{Node: "a"}, l)
	if err == nil || !strings.Contains(err.Error(), "NOSPACE") {
		t.Errorf("got %v for a claim, want that it names the alarm NOSPACE", err)
	}
}

func TestStore_steadyState_writesNothing(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	s := open(t, etcd.URLs(), "f")
	l := joined(t, s)
	view := views(t, s)
	testkit.Eventually(t, "the node is seen", func() bool { return len(view().Nodes) == 1 })
	c := raw(t, etcd.URLs())
	revision := func() int64 {
		got, err := c.Get(limited(t), "x")
		if err != nil {
			t.Fatal(err)
		}
		return got.Header.Revision
	}
	before := revision()
	for range 20 {
		if err := s.Renew(limited(t), node, l); err != nil {
			t.Fatal(err)
		}
	}
	if after := revision(); after != before {
		t.Errorf("got revision %d after 20 renewals, want %d as before", after, before)
	}
}
