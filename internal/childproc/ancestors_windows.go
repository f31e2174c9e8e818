package childproc

import (
	"os"

	"golang.org/x/sys/windows"
)

// Ancestors lists the processes above a process; on Windows none is known, as a parent
// that ends leaves its number to somebody else.
func Ancestors(int) (list []Ancestor, whole bool) { return nil, true }

// DescendsFrom reports whether a process is another, which must be this one, or below
// it, or whether that cannot be ruled out, as where there is no such process. One that
// is below it is in the job of a child, unless the system has made none for that.
func DescendsFrom(pid, root int) bool {
	if pid == root || pid <= 0 {
		return true
	}
	if root != os.Getpid() {
		return false
	}
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_INFORMATION, false, uint32(pid)) //nolint:gosec // It is above 0.
	if err != nil {                                                                      // It may be one that is trusted more.
		h, err = windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid)) //nolint:gosec // Likewise.
	}
	if err != nil {
		return true // It has ended, or may not be looked at.
	}
	defer func() { _ = windows.CloseHandle(h) }()
	return inJob(h)
}
