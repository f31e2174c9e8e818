//go:build !linux

package childproc

func release(int) {}

// leasedEntry returns "": nothing here ends what runs by a lease.
func (c Command) leasedEntry() string { return "" }

// waitExited reports false: here a child cannot be awaited without reaping it.
// (On macOS waitid returns for stopped children too, whatever its options.)
func waitExited(int) bool { return false }
