// Package ops is the operators' listener, apart from that of agents: metrics
// for programs, and a page for people that shows the actor tree.
//
// It keeps no facts. What it shows comes from an admin.Gateway, as what
// "gatehouse status" prints does.
//
// Requests are served by these rules, in this order:
//
//   - Host must be one of the listener's own, Origin the listener's own or absent.
//   - GET and HEAD, and POST below /actions/; all else is 405.
//   - With a token file, each request needs the token as a bearer, or the cookie
//     into which a one-time link turns. Without one, whoever reaches the listener
//     may read, so it must be on loopback.
//   - An action needs a header that only the page's own requests have, and the
//     process's token, which the page holds. Without a cookie or a bearer it needs a process of the
//     gateway's own user at the other end of the connection. Processes below the gateway may not act at
//     all, as far as the system tells who they are.
package ops
