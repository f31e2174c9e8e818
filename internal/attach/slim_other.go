//go:build !linux

package attach

import "runtime/debug"

// Slim hands free memory back.
func Slim() { debug.FreeOSMemory() }
