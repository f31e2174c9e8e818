// Package supervisor is the actor that keeps the servers running: it applies
// each accepted generation to its children, one server actor per server and
// generation of its spec, and answers their failures.
//
// It owns which servers should run and the failure history of each. It hears
// ApplyDiff, WakeServer, RefreshTools and StopServers, and the failures of its
// children through protoactor's HandleFailure. It does not know how a server
// runs: it is handed a function that makes the Props of one.
//
// A failed child's mailbox is suspended until the supervisor restarts it, so
// backing off and quarantine are nothing but a long time until then: package
// restart says how long. A drain needs nothing of the child either: its cell
// is closed, and when the last call has left it, or the time is up, the child
// is stopped.
//
// In a fleet a server that runs once has no actor until the fleet's actor says where
// that is: one of its own by a claim, or a stand-in for another gateway's. The one
// takes the place of the other in the same cell, once nothing of it is left.
//
// A restart of the supervisor itself is a bug in it: its children stop with
// it.
package supervisor
