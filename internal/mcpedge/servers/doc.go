// Package servers holds the gateway's sessions with servers: over the pipes of a
// process (OpenStdio) and over HTTP (OpenHTTP: streamable HTTP and the older SSE
// transport). Both implement [endpoint.Session].
//
// What a server says is untrusted. Every read has a limit, nothing that a
// server sends can block or end another call than the one it belongs to,
// unless the stream itself is unusable, and params, results and errors pass
// as raw JSON: only the envelope of a message is scanned, and the payload is
// checked to be valid JSON but never decoded.
//
// A session is of one of two eras: the revisions that begin with initialize,
// or 2026-07-28, in which each request says all in its _meta (requestMeta) and, over
// HTTP, in headers. Which one is found out by asking; a hint says what to begin
// with and OnEra what to begin with next time. See opening for stdio, where a
// server that has accepted both questions is given back (ErrAskedBothWays), and
// converse for HTTP. Changes of tools are heard by subscriptions/listen there.
//
// Both wires are our own. Over HTTP each request is one POST, and what happens to
// it is that request's. To the server an HTTP session may be several
// conversations, one after the other: see HTTP and http_doubt.go.
//
// Guarantees of both: ids are our own and are never used twice in a session;
// a request is handed to a server at most once; [endpoint.NotWritten] means
// that no byte of it was, or that the server refused it for a session that it no
// longer knew; an error text never holds a header, a url's userinfo or query, or
// anything that was sent. Texts of the server's own are redacted by the owner's
// function before they are cut, and put on one line.
//
// Not guaranteed: calls of an HTTP session that has ended by itself may go on for
// a while; a progress handler may run one last time while its Call
// returns because its context has ended.
package servers
