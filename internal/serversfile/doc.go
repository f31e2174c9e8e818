// Package serversfile reads .mcp.json: which servers there are, as written, and
// everything wrong with them at once. Variables stay unexpanded: package
// resolve expands them.
//
// It is pure. Its problems never quote the value of env or of a header.
package serversfile
