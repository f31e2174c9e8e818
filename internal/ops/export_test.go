//go:build linux

package ops

// What the tests of this system need.
var (
	FindPeer    = findPeer
	ProcAddress = procAddress
)
