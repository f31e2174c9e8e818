//go:build unix && !linux

package childproc

import "syscall"

// sysProcAttr gives the child a process group of its own.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
