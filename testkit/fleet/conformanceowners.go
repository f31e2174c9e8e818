package fleet

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
)

var ownerCases = []Case{
	{"of many claims at once one wins, and all know it", func(t *testing.T, open func() fleet.Store) {
		var members []*member
		for i := range 4 {
			members = append(members, join(t, open(), fmt.Sprintf("n%d", i)))
		}
		for round := range 5 {
			owners := make([]fleet.Owner, len(members))
			won := make([]bool, len(members))
			var all sync.WaitGroup
			for i, m := range members {
				all.Go(func() {
					var err error
					if owners[i], won[i], err = m.Claim(ctx(t), fmt.Sprint("s", round), m.owner(), m.lease); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for i := range members {
				if owners[i] != owners[0] || won[i] != (owners[i].Node == members[i].node.ID) {
					t.Errorf("%s: got owner %+v (won %v), want the same as the others: %+v", members[i].node.ID, owners[i], won[i], owners[0])
				}
			}
		}
	}},
	{"epochs grow", func(t *testing.T, open func() fleet.Store) {
		a, b := join(t, open(), "a"), join(t, open(), "b")
		first := a.claims("s")
		if err := a.Release(ctx(t), "s", first); err != nil {
			t.Fatal(err)
		}
		second := b.claims("s")
		b.dies()
		third := a.claims("s")
		if first >= second || second >= third {
			t.Errorf("got epochs %d, %d, %d, want them to grow", first, second, third)
		}
	}},
	{"a claim made again is the same one, under another lease it is not", func(t *testing.T, open func() fleet.Store) {
		a := join(t, open(), "a")
		epoch := a.claims("s")
		if again := a.claims("s"); again != epoch {
			t.Errorf("got epoch %d, want %d as before", again, epoch)
		}
		b := join(t, open(), "b")
		if o, won, err := b.Claim(ctx(t), "s", a.owner(), b.lease); err != nil || won || o.Epoch != epoch {
			t.Errorf("got owner %+v, won %v (%v), want that it is lost to epoch %d", o, won, err, epoch)
		}
	}},
	{"only the owner ends an ownership", func(t *testing.T, open func() fleet.Store) {
		a, b := join(t, open(), "a"), join(t, open(), "b")
		first := a.claims("s")
		if err := a.Release(ctx(t), "s", first); err != nil {
			t.Fatal(err)
		}
		second := b.claims("s")
		if err := a.Release(ctx(t), "s", first); err != nil {
			t.Fatalf("releasing what is gone: %v", err)
		}
		if again := b.claims("s"); again != second {
			t.Errorf("got epoch %d after the release by the owner before, want %d still", again, second)
		}
	}},
	{"a void claim is removed, and no other one", func(t *testing.T, open func() fleet.Store) {
		a, b := join(t, open(), "a"), join(t, open(), "b")
		epoch := a.claims("s")
		for _, other := range []fleet.VoidClaim{{Created: epoch, Modified: epoch + 1}, {Created: epoch - 1, Modified: epoch}} {
			if err := b.RemoveVoid(ctx(t), "s", other); err != nil {
				t.Fatalf("removing what is not there: %v", err)
			}
		}
		if again := a.claims("s"); again != epoch {
			t.Errorf("got epoch %d after another claim was removed, want %d still", again, epoch)
		}
		if err := b.RemoveVoid(ctx(t), "s", fleet.VoidClaim{Created: epoch, Modified: epoch}); err != nil {
			t.Fatal(err)
		}
		if next := b.claims("s"); next <= epoch {
			t.Errorf("got epoch %d once it was removed, want a later one than %d", next, epoch)
		}
	}},
	{"what an owner writes is kept for the next, and the owner before cannot write", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a, b := join(t, open(), "a"), join(t, open(), "b")
		first := a.claims("s")
		record := fleet.Record{
			State: endpoint.Ready, Since: time.Unix(1700000000, 0).UTC(), Run: 3, Restarts: 2, Busy: true,
			History: []byte{1, 0, 255}, Suspects: []string{"t"}, Reason: "why", Epoch: first,
		}
		if err := a.Write(ctx(t), "s", first, record); err != nil {
			t.Fatal(err)
		}
		a.dies()
		second := b.claims("s")
		v := eye.until("the new owner", func(v fleet.View) bool { return v.Owners["s"].Epoch == second })
		if got := v.Records["s"]; !reflect.DeepEqual(got, record) {
			t.Errorf("got the record %+v, want %+v", got, record)
		}
		if err := a.Write(ctx(t), "s", first, fleet.Record{Reason: "old"}); !errors.Is(err, fleet.ErrFenced) {
			t.Errorf("got %v for a write by the owner before, want %v", err, fleet.ErrFenced)
		}
		if err := b.Write(ctx(t), "s", second, fleet.Record{Reason: "new"}); err != nil {
			t.Fatal(err)
		}
		v = eye.until("the new record", func(v fleet.View) bool { return v.Records["s"].Epoch == second })
		if got := v.Records["s"].Reason; got != "new" {
			t.Errorf("got the reason %q, want %q", got, "new")
		}
	}},
	{"what nobody owns can be forgotten, and nothing else", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a")
		for _, key := range []string{"gone", "owned"} {
			epoch := a.claims(key)
			if err := a.Write(ctx(t), key, epoch, fleet.Record{Reason: key}); err != nil {
				t.Fatal(err)
			}
			if key == "gone" {
				if err := a.Release(ctx(t), key, epoch); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Forget(ctx(t), key); err != nil {
				t.Fatal(err)
			}
		}
		eye.until("the record that is left", func(v fleet.View) bool {
			return len(v.Records) == 1 && v.Records["owned"].Reason == "owned"
		})
	}},
	{"names may hold any character", func(t *testing.T, open func() fleet.Store) {
		eye := watch(t, open())
		a := join(t, open(), "a.b-c")
		keys := []string{
			"a/b@c %", "a", "a/b", "a@b", fleet.KeyOf("a", "b"), fleet.KeyOf("a@b", "c/d %41"), "ä\n☃", "%2F", "../..", "a%00",
		}
		for _, key := range keys {
			epoch := a.claims(key)
			if err := a.Write(ctx(t), key, epoch, fleet.Record{Reason: key}); err != nil {
				t.Fatal(err)
			}
		}
		v := eye.until("all", func(v fleet.View) bool { return len(v.Records) >= len(keys) })
		for _, key := range keys {
			if v.Owners[key].Node != "a.b-c" || v.Records[key].Reason != key {
				t.Errorf("%q: got owner %q and record %q, want its own", key, v.Owners[key].Node, v.Records[key].Reason)
			}
		}
		if len(v.Damaged) != 0 {
			t.Errorf("got %v as damaged, want none", v.Damaged)
		}
	}},
}
