// Package fleet decides for one gateway of several that act as one: how long what
// it owns is its own, which server it may claim, and whether all can follow a change
// of the configuration.
//
// It is pure. What the gateways agree by is a Store: small records with leases, made
// elsewhere. Calls, results and secrets never go through it.
//
// The words, one meaning each:
//
//   - fleet: gateways that share one configuration and run each server once.
//   - node: one gateway of a fleet, by its id.
//   - lease: what keeps a node's records in the store; it ends by itself unless it
//     is renewed.
//   - tenure: until when a node may act on what it owns, by its own clock. It ends
//     before its lease can.
//   - claim: taking the ownership of a server that nobody owns.
//   - epoch: the number of one ownership of one server; a later one is larger.
//   - key: what is owned: the name of a server, or of an instance of one.
package fleet
