// Package relay takes a tools/call of an agent to a server's tool, on the
// router: what of it the server is sent, and how the server's result reaches
// the agent. The gateway's execute_tool and the surfaces on which servers show
// their own tools are the same here.
//
// A result passes value for value. What the gateway adds stands in its _meta,
// under names that nobody else may use; what a caller's revision does not know
// is worded for it.
package relay
