// Package testkit is what gatehouse's tests stand on. Only tests import it.
//
//   - fakeserver (a command in a folder of its own) is a scriptable MCP server;
//     FakeServer builds it once for each test process, Fake writes an entry of
//     .mcp.json for it, Record reads what reached it.
//   - Gateway is the assembled gateway as a real child process in a folder of
//     its own, with its log as data: wait for an event by Await, never by
//     sleeping.
//   - Agent asks the gateway the way an MCP client does, over mcp-go's client
//     or over Raw, which shows every byte.
//   - Probe, Events, Logs and Bubble are for tests of single actors.
//
// Everything takes the test and fails it with a reason; nothing here asserts
// how long something took. What must not happen in a goroutine other than the
// test's own (failing the test at once) has a variant that returns an error.
package testkit

import "time"

// Patience is how long anything in this package waits for an event before it
// fails the test. It is generous on purpose: it is no assertion on speed.
const Patience = 3 * time.Minute
