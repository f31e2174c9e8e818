package testkit

import "syscall"

// Alive reports whether a process runs.
func Alive(pid int) bool {
	h, err := syscall.OpenProcess(syscall.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return false
	}
	defer func() { _ = syscall.CloseHandle(h) }()
	ended, err := syscall.WaitForSingleObject(h, 0)
	return err == nil && ended == syscall.WAIT_TIMEOUT
}
