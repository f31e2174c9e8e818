//go:build linux

package testkit

// BegunAfter is begunAfter for tests.
var BegunAfter = begunAfter
