// Package attach lets the clients of one person share one gateway. Each client
// starts a small process, the relay, which speaks MCP over its stdin and stdout and
// hands the bytes on to the gateway through a unix socket (on Windows a named pipe).
//
// # What travels
//
// First one line each way, the handshake: Hello from the relay, Welcome from the
// gateway. Then the lines of one conversation over stdio, as the client and the
// gateway wrote them. Between those lines stand a few of the package's own, which
// begin with a NUL: no JSON does (controls.go).
//
//	relay → gateway   eof      the client's input has ended: answer what runs
//	                  hurry    cancel what runs
//	                  paused   nothing follows here any more
//	gateway → relay   pause    the gateway is about to end: keep what comes from now on;
//	                           never before the welcome
//	                  done     nothing follows, and nothing is owed
//
// A connection that ends without eof or paused is a relay that died: its calls are
// cancelled.
//
// # When the gateway ends
//
// What the relay sent and saw no answer to has an unknown fate, unless pause and
// paused have settled it, or done says that all was answered. A call among it is answered with may_have_run and never
// sent again; what only asks (lists, ping) is sent again. The relay opens the
// conversation anew by the client's own initialize, and the client notices nothing,
// or a list_changed. What comes meanwhile waits, for a bounded time.
//
// # Where it is
//
// Place says where the socket of a set of files is: the same for every environment
// of a user. A gateway holds a lock for as long as it lives, so there is one for each
// set of files; another lock keeps many relays from starting one each.
//
// # A gateway elsewhere
//
// RelayURL is a relay to a gateway over HTTP (url.go): the client's lines are the
// bodies of requests, and what comes for them its answers.
//
// The package starts no process: its user hands Relay a function that connects.
package attach
