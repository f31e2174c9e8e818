// Package fleet is the actor by which a gateway is one of a fleet.
//
// It owns the gateway's lease and the claims of servers, and knows what others own; it
// owns nothing that runs. What the gateways agree by is a fleet.Store, whose calls
// block: they run in goroutines that the actor hears of by messages of its own, each with
// the lease or the claim that it is about, and news of an older one are dropped.
//
// It hears of the supervisor which servers are to run (WantOwner, Awaited, Unwanted) and
// what has become of those that run here (ServerState, Released, TenureLeft), and tells
// it where each runs: OwnedHere, OwnedThere, GiveUp, TenureLost. It hears LeaveFleet,
// MoveServer and PeersUnreached of cmd.
//
// Others read what it knows from a Standing, without waiting for its mailbox: whether
// this gateway may act on what it owns is asked before each request to a server.
//
// A restart of it, which only a bug can cause, goes on with the same state.
package fleet
