package childproc

import "golang.org/x/sys/unix"

func readLink(pid int) (link, bool) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(info.Proc.P_pid) != pid {
		return link{}, false
	}
	start := info.Proc.P_starttime
	return link{parent: int(info.Eproc.Ppid), start: uint64(start.Sec)*1e6 + uint64(start.Usec)}, true //nolint:gosec // It is after 1970.
}

// isMarked is not known on this system: environments of others are not looked at.
func isMarked(int) bool { return false }
