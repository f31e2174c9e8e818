package main

import (
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/snapshot"
	"gatehouse/messages"
)

// moveTime is what a server may take to move beside the TTL.
const moveTime = 2 * time.Second

// shortWaits lists the servers whose calls time out while they move to another gateway.
func shortWaits(snap *snapshot.Snapshot, ttl time.Duration) (texts []string) {
	for _, name := range snap.Names() {
		r, _ := snap.Route(name)
		if wait := r.Entry.Settings.RestartWait; r.Entry.RunsOnce() && wait < ttl+moveTime {
			texts = append(texts, fmt.Sprintf("%s: restart_wait_ms is %d, and a move to another gateway may take %d (--fleet-ttl and 2 s): calls time out meanwhile",
				name, wait.Milliseconds(), (ttl+moveTime).Milliseconds()))
		}
	}
	return texts
}

// warnOfWaits warns of them whenever the fleet's configuration has changed.
func (a *app) warnOfWaits(e any) {
	r, ok := e.(messages.ConfigReloaded)
	if !ok || r.Outcome != messages.Applied || r.Trigger != messages.TriggerFleet {
		return
	}
	for _, text := range shortWaits(a.store.Load(), a.fleet.opts.ttl) {
		a.log.Warn("a server's calls wait less than it may take to move", slog.String("what", text))
	}
}
