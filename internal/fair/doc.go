// Package fair shares places among owners, so that no one of them takes what
// the others need. A place is for something that runs, such as a call.
//
// An owner that is alone gets what it asks for. While others ask too it gets an
// eighth; what it asks for beyond that waits, and places that become free go to
// the owner that holds the fewest. So an owner never loses what it holds, and
// one that holds little never waits behind the queue of one that holds much.
//
// Some calls make more work than others: large messages do. Whoever has made
// much gets no more places for a while, as long as others ask.
//
// A Pool has no goroutine, no timer and no clock. Whoever waits for a place
// bounds that wait.
package fair
