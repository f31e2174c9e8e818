// Package jsonrpc is what both edges know of JSON-RPC 2.0: lines of bounded
// size, the envelope of a message, ids, and how requests, results and errors are
// written. It knows no method and decodes nothing: all values stay as the bytes
// that were sent.
//
// Its input is untrusted. A message is read in one pass that checks what
// encoding/json checks; member names are exact, letter case included.
package jsonrpc
