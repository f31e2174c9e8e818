// Package resolve turns the entries of a servers file into what servers are
// started or reached with: it expands variables, collects the secrets among
// their values, and finds what changed from one set of servers to the next.
//
// It is pure: the content of files comes in Env. Problems name fields and
// variables, never values.
package resolve
