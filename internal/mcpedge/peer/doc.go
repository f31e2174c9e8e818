// Package peer takes calls from one gateway of a fleet to another: the one that owns
// the server which is called.
//
// A Server answers for what its gateway owns; a Session stands for such a server at
// every other gateway. One call is one POST over HTTP/1.1. Its head says everything by
// which the owner may refuse it, and its body is sent only once the owner asks for it
// (Expect: 100-continue). So a call is always known to be one of two things: never
// sent, and free to run elsewhere, or sent, and possibly run. It is never sent twice.
//
// Questions of servers to clients do not pass in a call: instances that may ask are
// those of one session, and run where the session is. Requests of that session, which
// agents may send to any gateway, are passed on whole (Relay), as they come.
package peer
