// Package locate decides which files the gateway reads: where they are looked
// for, what a path means that a user wrote, and whether others could change
// what is found. It is pure: the caller says which files exist.
package locate
