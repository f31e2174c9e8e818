// Package policy answers one question: may this agent use this tool, resource or
// prompt of this server? It is pure: rules go in, decisions come out, and nothing
// outside the rules is ever looked at. Whether a server or a tool exists does not
// influence the answer; what a server says of a tool does, if the rules ask for that.
//
// [Rules] is what a rules file says, in file order and already valid (package
// config parses and checks the file). [Compile] turns it into a [Policy],
// which is immutable and safe for any number of goroutines. [Policy.Decide]
// and its likes are the hot path; [Policy.Explain] runs the same code and keeps its notes.
// [Policy.ResolveAgent] finds out which agent is calling.
//
// # The order of steps
//
// An agent without rules is denied (unknown_agent). Then deny.servers
// (server_denied), allow.servers (server_not_allowed, or server_allowed when
// no tool was asked for), exact and then pattern rules of deny.tools
// (tool_denied_exact, tool_denied_pattern), the same of allow.tools
// (tool_allowed_exact, tool_allowed_pattern), the implicit grant when no key
// of allow.tools matches the server (implicit_grant), and denial otherwise
// (tool_not_allowed). The first step that has an answer decides. Resources and prompts
// have steps of their own in place of those of tools; see docs/POLICY.md.
//
// # What is not promised
//
// A Policy does not know servers, tools, credentials or time, nor which spellings a
// server takes for one resource beyond the syntax of URIs. Decide accepts
// any strings as names; callers that must refuse empty or over-long names do
// that first.
package policy
