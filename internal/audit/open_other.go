//go:build !unix

package audit

import "io/fs"

// Here no path leads to a pipe, and links are looked at before.
const (
	nonblocking = 0
	noFollow    = 0
)

// ownAlone returns nil: here a file's folder decides who can get at it.
func ownAlone(fs.FileInfo) error { return nil }
