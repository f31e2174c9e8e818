package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// size asks the console. What is not a console has no screen buffer.
func size(f *os.File) (Size, bool) {
	var info windows.ConsoleScreenBufferInfo
	if err := windows.GetConsoleScreenBufferInfo(windows.Handle(f.Fd()), &info); err != nil {
		return Size{}, false
	}
	return Size{int(info.Window.Right-info.Window.Left) + 1, int(info.Window.Bottom-info.Window.Top) + 1}, true
}
