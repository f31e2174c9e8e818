package gateway_test

import (
	"testing"
	"time"

	"gatehouse/actors/gateway"
	"gatehouse/internal/snapshot"
	"gatehouse/messages"
	"gatehouse/testkit"
)

func TestGateway_replacesTheSnapshotAndSaysSo(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		var store snapshot.Store
		pid := w.Spawn(gateway.Props(&store, w.Logs.Logger()))
		asker := w.Probe()
		for generation := range uint64(3) {
			next := snapshot.New(generation+1, time.Now(), nil, "", nil)
			w.System.Root.RequestWithCustomSender(pid, messages.ReplaceSnapshot{Snapshot: next}, asker.PID)
			if got := testkit.Expect[messages.SnapshotReplaced](t, asker); got.Generation != generation+1 || store.Load() != next {
				t.Errorf("got %+v, the store has generation %d, want generation %d, and it in the store", got, store.Load().Generation, generation+1)
			}
		}
		w.Send(pid, "nonsense")
		testkit.ExpectNone(t, asker)
		if store.Load().Generation != 3 {
			t.Error("nonsense has changed the store")
		}
	})
}
