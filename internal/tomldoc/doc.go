// Package tomldoc reads TOML into the values of package jsondoc, which know their
// position, and changes one table of a TOML file without touching the rest.
//
// It is pure. It is the only package that knows the TOML library.
package tomldoc
