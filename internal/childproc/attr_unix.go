//go:build unix && !linux

package childproc

import "syscall"

// sysProcAttr puts the child into a process group of its own.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
