// Package admin is the edge between a running gateway and the operator's
// commands: HTTP over a unix socket that belongs to one user.
//
// Each gateway has a socket of its own, PID.sock with mode 0600, in a folder
// with mode 0700; ownsocket.Dirs says which. It is not reachable from the network or by
// other users. Programs of the same user reach it, as they may do what the user
// may; only those below the gateway, its servers, are refused, as far as the
// system says who they are.
//
//	GET  /v1/status                        Status
//	GET  /v1/servers/{name}                ServerDetail
//	GET  /v1/logs?follow=&server=&level=&n=  one log record a line, {"lost":N} where lines are missing
//	POST /v1/reload                        []Report
//	POST /v1/servers/{name}/restart        Operated
//	POST /v1/servers/{name}/release        Operated
//	POST /v1/servers/{name}/hold           Operated; the body is a Hold
//	GET  /v1/tools?server=&agent=          Tools
//	GET  /v1/tools/changes?server=         []ToolChange
//	POST /v1/explain                       policy.Explanation; the body is a Question
//	POST /v1/ops/link                      OpsLink
//	POST /v1/call                          a tool result of MCP; the body is a Call
//
// A failure is a status of 4xx or 5xx and {"error": "..."}. A name in a path
// is percent-encoded, "/" and "." included.
//
// The server has its own goroutines, reads little and never waits for a
// client while it holds anything: a client that stops reading harms itself
// alone.
package admin
