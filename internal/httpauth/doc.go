// Package httpauth asks HTTP requests for their credential.
//
// In: requests, the credentials in force at that moment, the issuer's keys
// from a url or a file. Out: who is calling, or an answer with status 401
// (RFC 6750), 400 or 403; and protected-resource metadata (RFC 9728).
//
// Guarantees: each request is checked afresh. Keys are cached for KeysFresh,
// used for at most KeysStale when new ones cannot be had, and asked for at most
// once in KeysRetry whatever callers send. A fetch has a time limit, a size
// limit and follows no redirects. No token, nor any part of one, is logged or
// answered.
//
// Not done here: Host and Origin (internal/mcpedge/agents checks them
// first), TLS, what agents may do.
package httpauth
