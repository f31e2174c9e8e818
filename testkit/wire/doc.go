// Package wire looks at every byte between agents, the assembled gateway and
// servers. It has tests only:
//
//   - lossless: what a server says reaches an agent, and what an agent says a
//     server, byte for byte, but for what the contract adds. Over all pairs of
//     stdio and HTTP, with MCP's own examples, with hand-made oddities
//     (testdata) and with random JSON.
//   - schema: what the gateway itself says, to agents and to servers, validates
//     against the official schema of its revision.
//   - one way: everything that an agent may send, good and bad, is answered as
//     a slow and plain reading of it says.
//
// The gateways are real processes; the tests' own end of the wire knows bytes
// only, so that no library repairs or hides anything.
package wire
