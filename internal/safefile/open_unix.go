//go:build unix

package safefile

import (
	"os"
	"syscall"
)

// openNonblocking opens path for reading without waiting: opening a FIFO that
// nobody writes to, or some devices, would block for ever otherwise. O_NOCTTY
// keeps a terminal from becoming the process's controlling one.
func openNonblocking(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}
