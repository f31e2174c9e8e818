// Package agents is the edge towards agents: an MCP server over stdio and over
// streamable HTTP that shows the gateway's tools and hands each call to a
// ToolHandler. It decides nothing about agents, rules or servers.
//
// Beside the gateway's own tools it serves any number of surfaces, each at an
// address of its own or over stdio: a Surface answers all methods but initialize,
// server/discover and ping itself. Sessions belong to their surface, credential and
// agent; those of a surface live in memory and hear of changes of its lists.
//
// In: one handler and its tool definitions, read once by New. Out: an Edge,
// which serves any number of stdio conversations and one HTTP endpoint.
//
// This package reads every tools/call itself (toolrequest.go) and says what is
// wrong with one; mcp-go's MCPServer answers the other methods (initialize,
// server/discover, ping, tools/list). The two transports around both are this
// package's own, because mcp-go's share one notification channel between the
// requests of a session (progress can leave on another request's stream, or
// after the result), key cancellation by nothing but the id when there is no
// session, read without a limit, and drop running calls at the end of stdin.
//
// Guarantees:
//   - A result, a tool definition, an argument, a JSON-RPC id and a progress
//     token pass as they were sent: unknown fields, unknown content types and
//     integers above 2^53 included. Only line ends between tokens change, to
//     spaces.
//   - Progress of a call leaves before its result and never after it.
//   - A call that was cancelled by notifications/cancelled gets no answer.
//   - A request is answered once, in any order; ping and cancellation never
//     wait for a running call.
//   - Input is bounded: the size of a message, the calls at the same time, the
//     bytes of large messages at the same time, the open streams, the remembered
//     sessions.
//   - No panic of a handler reaches the transport, and no stack an agent.
//
// What is lost or changed: progress is advisory, so of more than 64
// notifications that a slow reader has not taken the oldest are dropped.
// Request fields that MCP does not know (beside arguments and _meta) are not
// handed to the handler. Names are exact: a message in which one that decides
// occurs twice, or in another letter case, is refused.
//
// Protocol revisions: 2024-11-05 to 2026-07-28 over stdio, 2025-03-26 to
// 2026-07-28 over HTTP. JSON-RPC batches are accepted where the revision has
// them (2025-03-26 and before), and refused elsewhere.
//
// Not done here: checking credentials (Options.Authorize does; a session belongs
// to the credential that opened it), listening, TLS, time limits of the HTTP
// connection's headers (http.Server's ReadHeaderTimeout).
//
// Tests drive an Edge with a scripted handler through real mcp-go clients, raw
// HTTP and raw pipes.
package agents
