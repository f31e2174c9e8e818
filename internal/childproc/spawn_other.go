//go:build !linux

package childproc

import "os/exec"

// spawn starts cmd.
func spawn(cmd *exec.Cmd) error {
	return cmd.Start() //nolint:wrapcheck // Its only caller says what could not be done.
}

func release(int) {}

// waitExited reports that waiting without reaping is not to be had here. (On
// macOS waitid returns for stopped children too, whatever it is told.)
func waitExited(int) bool { return false }
