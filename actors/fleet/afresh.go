package fleet

import (
	"maps"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// A release or a restart is for a server that nobody runs just then, too. Its record would
// have whoever claims it next wait for failures that the operator has dealt with.

// beginAfresh notes the records of servers that operators have released or restarted since.
// Whoever runs one writes another soon.
func (f *member) beginAfresh(was, is messages.FleetChanged) {
	if was.Generation == 0 {
		return // Nothing tells what is new of it.
	}
	for key, r := range f.view.Records {
		server, _ := fleet.SplitKey(key)
		before, now := was.Holds[server], is.Holds[server]
		released := !now.Held && (now.Revision != before.Revision || !now.Same(before))
		if !released && is.Restarts[server] == was.Restarts[server] {
			continue
		}
		f.settled[key] = r
		if _, owned := f.view.Owners[key]; !owned && waitsOn(r) {
			f.forget(key) // For gateways that join later.
		}
	}
}

// waitsOn reports whether a record has whoever claims the server wait. Nothing of it runs
// then.
func waitsOn(r fleet.Record) bool {
	return r.State == endpoint.Quarantined || r.State == endpoint.BackingOff
}

// inherited is what this node goes on with of a server that it has claimed.
func (f *member) inherited(key string) fleet.Record {
	r := f.view.Records[key]
	if old, settled := f.settled[key]; settled && sameWriting(r, old) {
		r.State, r.Reason, r.Busy, r.History, r.Suspects = "", "", false, nil, nil
	}
	return r
}

// dropSettled forgets the records that are not what a claim would find any more.
func (f *member) dropSettled() {
	maps.DeleteFunc(f.settled, func(key string, old fleet.Record) bool { return !sameWriting(f.view.Records[key], old) })
}

// sameWriting reports whether two records were written at one time.
func sameWriting(a, b fleet.Record) bool {
	return a.Epoch == b.Epoch && a.State == b.State && a.Run == b.Run && a.Since.Equal(b.Since) && a.RetryAt.Equal(b.RetryAt)
}
