// Package login logs in to remote servers by OAuth, as the MCP authorization
// specification wants it, and keeps what that brings in force.
//
// Two sides use it. A person's command runs [Login], which finds the authorization
// server, registers, has the person agree in a browser, and stores the tokens. The
// gateway asks a [Keeper] for the header of each request; it renews what is about
// to expire, one renewal at a time over all processes of the user.
//
// What other people's servers say is not believed: it is read up to limits, compared
// with what was asked, reached only at addresses that it may have, and shown only
// without control characters and secrets. Decisions are pure functions in files of
// their own; golang.org/x/oauth2 speaks with the token endpoint.
package login
