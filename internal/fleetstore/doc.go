// Package fleetstore keeps in etcd what the gateways of a fleet agree by. It is the
// only one that knows etcd's client.
//
// A Store has a connection to each member of etcd and asks one after the other by
// itself: the client's own balancer goes on asking one that is frozen. Every request
// can be made again when its answer was lost, as each says in its own transaction
// what it has done already. In the steady state nothing is written: renewals and the
// check behind them change no key.
package fleetstore
