//go:build unix && !linux

package childproc

import (
	"os/exec"
	"syscall"
)

// sysProcAttr puts the child into a process group of its own.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// spawn starts cmd in a group of its own.
func spawn(cmd *exec.Cmd, _ bool) (group, error) {
	if err := cmd.Start(); err != nil {
		return group{}, err //nolint:wrapcheck // Its only caller says what could not be done.
	}
	return newGroup(cmd.Process), nil
}
