package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"gatehouse/internal/fleet"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/safefile"
)

// fleetState is what a gateway of a fleet leaves for its next process in the same
// place: that ends the lease of this one, and need not wait for it.
type fleetState struct {
	Boot  string      `json:"boot"`
	Lease fleet.Lease `json:"lease"`
}

// fleetStatePath is where that is kept; empty if there is no place for it.
func fleetStatePath(o fleetOptions) string {
	dir := stateFolder()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "fleet", o.name+"@"+o.node+".json")
}

// ownFleetState returns the path if it is this process's alone, for as long as seat is
// open. It is empty otherwise: the lease there may be that of a gateway that lives, and
// must not be ended.
func ownFleetState(path string, log *slog.Logger) (own string, seat *os.File) {
	if path == "" {
		return "", nil
	}
	seat, err := takeFleetSeat(path)
	switch {
	case err != nil:
		log.Warn("cannot keep the lease: after a restart this gateway waits for its end", slog.Any("err", err))
	case seat == nil:
		log.Warn("another gateway with this one's --fleet and --fleet-node runs on this machine", slog.String("file", path))
	default:
		return path, seat
	}
	return "", nil
}

// maxFleetState is the size in bytes of a file that is read.
const maxFleetState = 4096

// readFleetState reads what an earlier process has left; the zero value is nothing.
func readFleetState(path string) fleetState {
	var s fleetState
	if path == "" {
		return s
	}
	if text, err := safefile.ReadOwn(path, maxFleetState); err == nil && rawjson.Decode(text, &s) != nil {
		return fleetState{}
	}
	return s
}

// writeFleetState keeps it. Without it the next process waits for the lease to end.
func writeFleetState(path string, s fleetState) error {
	if path == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot write down the lease: %w", err)
	}
	return safefile.ReplaceOwn(path, text)
}

func newBoot() string { return rand.Text() }
