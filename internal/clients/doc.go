// Package clients knows the other programs that start MCP servers: where each
// has its configuration, how its entries read, and how gatehouse is entered
// there.
//
// It is pure: the caller says what is in the files. It starts nothing, asks
// nobody, and a file can make it neither wait nor grow: package jsondoc and the
// readers of TOML and YAML limit what is read.
package clients
