//go:build !unix

package audit

// nonblocking is not needed: no path leads to a pipe here.
const nonblocking = 0
