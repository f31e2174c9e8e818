// Package gate is what agents see of the gateway by default: four tools, with
// which they search for tools, list the servers, read the definitions of a
// server's tools, and run one. Calls to servers go through the router in package front.
package gate
