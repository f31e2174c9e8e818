// Package yamldoc reads YAML into the values of package jsondoc, which know their
// position, and changes one entry of a YAML file without touching the rest.
//
// It is pure. It is the only package that knows the YAML library.
package yamldoc
