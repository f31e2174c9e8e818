package main

import (
	"path/filepath"
	"testing"

	"gatehouse/testkit"
)

// A second gateway of the same id beside the first must not end the lease by which that
// runs its servers.
func TestFleetState_isNotTakenFromAProcessThatLives(t *testing.T) {
	path, logs := filepath.Join(t.TempDir(), "fleet", "f@n1.json"), &testkit.Logs{}
	first, seat := ownFleetState(path, logs.Logger())
	if err := writeFleetState(first, fleetState{Boot: "one", Lease: 7}); err != nil {
		t.Fatal(err)
	}
	second, none := ownFleetState(path, logs.Logger())
	if err := writeFleetState(second, fleetState{Boot: "two", Lease: 8}); err != nil {
		t.Fatal(err)
	}
	if got := readFleetState(second); got != (fleetState{}) || none != nil {
		t.Errorf("beside the first: got %+v, want nothing", got)
	}
	if err := seat.Close(); err != nil { // As its end does.
		t.Fatal(err)
	}
	third, seat := ownFleetState(path, logs.Logger())
	defer func() { _ = seat.Close() }()
	if got := readFleetState(third); got.Boot != "one" || got.Lease != 7 {
		t.Errorf("after the first: got %+v, want its lease 7", got)
	}
}
