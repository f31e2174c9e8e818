package attach

import "bytes"

// mark begins a line of the package's own.
const mark = 0

// The controls, each a whole line.
var (
	controlEOF    = []byte("\x00eof\n")
	controlHurry  = []byte("\x00hurry\n")
	controlPaused = []byte("\x00paused\n")
	controlPause  = []byte("\x00pause\n")
	controlDone   = []byte("\x00done\n")
)

// maxControl is the length of the longest control.
const maxControl = 64

// harmless is what the first byte of a client's line becomes if it is a mark: as
// little JSON as before.
const harmless = 1

// findMark returns where the first line begins in b that has a mark, -1 if there is
// none. atStart says that b begins a line.
func findMark(b []byte, atStart bool) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], mark)
		if i < 0 {
			return -1
		}
		i += from
		if i == 0 && atStart || bytes.HasSuffix(b[:i], []byte("\n")) {
			return i
		}
		from = i + 1
	}
}
