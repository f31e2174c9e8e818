package fleetstore_test

import (
	"context"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"gatehouse/internal/fleet"
	"gatehouse/internal/fleetstore"
	kit "gatehouse/testkit/fleet"
)

// open returns a store of a fleet, which is closed at the end of the test.
func open(t *testing.T, urls []string, name string) *fleetstore.Store {
	t.Helper()
	return openFor(t, urls, name, kit.TTL)
}

// openFor is open for leases that last so long.
func openFor(t *testing.T, urls []string, name string, ttl time.Duration) *fleetstore.Store {
	t.Helper()
	s, err := fleetstore.Open(t.Context(), fleetstore.Config{URLs: urls, Fleet: name, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestStore_doesWhatEveryStoreMust(t *testing.T) {
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	t.Run("cases", func(t *testing.T) {
		for i, c := range kit.Conformance() {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				name := "fleet-" + string(rune('a'+i))
				c.Run(t, func() fleet.Store { return open(t, etcd.URLs(), name) })
			})
		}
	})
}

// The key of its own goes, and nothing else of the wish.
func TestStore_aWishThatNamesANode_goesAfterAWhile(t *testing.T) {
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	s, client := open(t, etcd.URLs(), "wishes"), raw(t, etcd.URLs())
	wish := fleet.Hold{Despite: "n1", Asked: time.Unix(1, 0).UTC()}
	for range 2 { // The second time it is there already.
		if _, err := s.PutHold(t.Context(), "files", wish); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutHold(t.Context(), "other", fleet.Hold{Held: true}); err != nil {
		t.Fatal(err)
	}
	leases := map[string]int64{}
	got, err := client.Get(t.Context(), "/gatehouse/wishes/holds/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range got.Kvs {
		leases[strings.TrimPrefix(string(kv.Key), "/gatehouse/wishes/holds/")] = kv.Lease
	}
	if len(leases) != 3 || leases["files"] != 0 || leases["other"] != 0 || leases["files@n1"] == 0 {
		t.Fatalf("got the keys with the leases %v, want files@n1 alone with one", leases)
	}
	lasts, err := client.TimeToLive(t.Context(), clientv3.LeaseID(leases["files@n1"]))
	if err != nil || time.Duration(lasts.GrantedTTL)*time.Second != fleet.DespiteLasts {
		t.Errorf("got a lease of %d s (%v), want %v", lasts.GrantedTTL, err, fleet.DespiteLasts)
	}
	if all, err := client.Leases(t.Context()); err != nil || len(all.Leases) != 1 {
		t.Errorf("got the leases %v (%v), want the one that is used", all.Leases, err)
	}
}

// The lease tells a gateway's claim from one that somebody has written.
func TestStore_claimsThatSomebodyHasWritten_areVoidUntilTheyAreRemoved(t *testing.T) {
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{})
	s, client := open(t, etcd.URLs(), "void"), raw(t, etcd.URLs())
	lease := joined(t, s)
	for _, key := range []string{"claimed", "overwritten"} {
		if _, won, err := s.Claim(t.Context(), key, fleet.Owner{Node: node.ID, Boot: node.Boot}, lease); err != nil || !won {
			t.Fatalf("%s: got %t (%v), want it claimed", key, won, err)
		}
	}
	for _, key := range []string{"overwritten", "by hand"} {
		if _, err := client.Put(t.Context(), "/gatehouse/void/"+fleet.OwnerKey(key), `{"node":"a","boot":"1"}`); err != nil {
			t.Fatal(err)
		}
	}
	look := func() (v fleet.View) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_ = s.Follow(ctx, func(now fleet.View) { v = now; cancel() }) // It ends with its context alone.
		return v
	}
	v := look()
	if len(v.Owners) != 1 || v.Owners["claimed"].Node != "a" || len(v.Void) != 2 {
		t.Fatalf("got the owners %v and the void claims %v, want the claim of a, and both others void", v.Owners, v.Void)
	}
	for key, c := range v.Void {
		if err := s.RemoveVoid(t.Context(), key, c); err != nil {
			t.Fatal(err)
		}
	}
	if v := look(); len(v.Owners) != 1 || len(v.Void)+len(v.Damaged) != 0 {
		t.Errorf("got the owners %v, void %v and damaged %v, want the claim of a alone", v.Owners, v.Void, v.Damaged)
	}
}

func TestCheckVersion(t *testing.T) {
	for version, good := range map[string]bool{
		"3.4.37": false, "3.4.38": true, "3.5.22": false, "3.5.23": true, "3.6.4": false, "3.6.5": true,
		"3.7.0": true, "3.8.0-alpha.0": true, "4.0.0": true, "3.3.99": false, "2.3.8": false, "not": false, "": false,
	} {
		err := fleetstore.CheckVersion("https://etcd:2379", version)
		if (err == nil) != good {
			t.Errorf("%q: got %v, want that it passes: %v", version, err, good)
		}
		if err != nil && !strings.Contains(err.Error(), "https://etcd:2379") {
			t.Errorf("%q: got %q, which must name the member", version, err)
		}
	}
}
