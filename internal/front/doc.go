// Package front is the router: it takes a request of an agent to a server. It
// knows methods and params, and no word of what they are for. What the rules
// are asked, what the server must list, what it is sent and how its answer is
// read come from the surface on top; the gateway's four tools are one, in
// internal/front/gate.
//
// A request is taken in attempts. An attempt reads one snapshot and takes its
// steps in order: identify, permit, route, unblocked, limited, ready,
// listed, begun, inTurn, admitted, sent. A step that had to wait, or was refused by a closed cell, ends it with
// errAgain: nothing was written, so the next attempt decides afresh on the
// snapshot that is current then. A request that was written, even in part, is
// never sent again.
//
// All of it runs on the caller's goroutine and takes no mailbox. One meaning
// of nil: a nil error is success.
package front
