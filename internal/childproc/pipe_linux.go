package childproc

import (
	"os"

	"golang.org/x/sys/unix"
)

// outputPipe is the size in bytes of the pipe for a child's output. With the
// system's own 64 KiB the two take turns several times over one large answer.
// More than twice that could use up, with some hundred servers, what a user may
// have in all pipes together (64 MiB), and later pipes would be tiny.
const outputPipe = 128 << 10

// widen enlarges a pipe. Where the system's limits forbid it, the pipe stays as
// it is.
func widen(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // The file is open.
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, outputPipe) // See above.
	})
}
