//go:build !linux

package entrance

import "net"

// LeaveSilent does nothing here: the kernel has nothing that would do.
func LeaveSilent(net.Listener) {}
