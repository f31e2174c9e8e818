// Command bench measures the assembled gateway: what it costs to call a server
// through it instead of directly. "make bench" runs it; docs/PERFORMANCE.md
// says how to read what it prints.
//
// One executable plays all parts, so that nothing else has to be built:
//
//   - "bench echo stdio" and "bench echo http" are an MCP server that costs as
//     little as can be;
//   - "bench relay" is the least that a gateway could be: bytes copied, ids
//     mapped, no rules, no audit, no checks. It is the yardstick of raw bytes;
//   - "bench" alone starts these and the gateway, sends the same load to each
//     in turn, several rounds, and prints the medians of the ratios.
//
// It uses nothing of the product but the executable, so a change of the
// product cannot move the yardstick. It judges nothing: a goal that is missed
// is printed as such; the exit code is 1 only if something did not work.
package main
