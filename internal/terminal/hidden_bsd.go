//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package terminal

import "golang.org/x/sys/unix"

// Setting with flushTermios forgets what has been typed and not read.
const getTermios, setTermios, flushTermios = unix.TIOCGETA, unix.TIOCSETA, unix.TIOCSETAF

// MaxLine is how long a line that is read from a terminal may be, in bytes: the driver
// may have cut it there, silently.
const MaxLine = 1023
