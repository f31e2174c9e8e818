//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// size asks the terminal driver. Only a terminal has an answer.
func size(f *os.File) (Size, bool) {
	conn, err := f.SyscallConn() // Fd would make a file that does not block, block.
	if err != nil {
		return Size{}, false
	}
	var ws *unix.Winsize
	var asked error
	err = conn.Control(func(fd uintptr) { ws, asked = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ) })
	if err != nil || asked != nil {
		return Size{}, false
	}
	return Size{int(ws.Col), int(ws.Row)}, true
}
