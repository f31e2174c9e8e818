//go:build !linux

package childproc

import "os/exec"

// spawn starts cmd.
func spawn(cmd *exec.Cmd, _ bool) error {
	return cmd.Start() //nolint:wrapcheck // Its only caller says what could not be done.
}

func release(int) {}

// leasedEntry returns "": nothing here ends what runs by a lease.
func (c Command) leasedEntry() string { return "" }

// waitExited reports false: here a child cannot be awaited without reaping it.
// (On macOS waitid returns for stopped children too, whatever its options.)
func waitExited(int) bool { return false }
