// Package surface shows agents what servers have under its own names, on the
// router: each method of MCP that passes has a file here. What the rules do not
// give an agent is not shown, and cannot be used.
//
// One is one server as it is. All is all of them, under names that join a server's
// with a tool's.
package surface
