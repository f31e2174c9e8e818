// Package weight bounds the memory of large messages: one budget of bytes for
// all that agents send and servers answer, from the first byte that is read to
// the last that is written.
//
// What is refused for want of room has not run, where that can be: a request
// takes of the budget before it is sent. An answer has run, so it may take a
// reserve beyond the budget, and whoever has been reading its answer too slowly
// loses it first.
//
// Each owner has an eighth of the budget for sure, and more as long as that leaves
// room for others.
//
// A Budget has no goroutine and no timer, and never blocks.
package weight
