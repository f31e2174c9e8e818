package attach

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// maxMaps bounds what is read of the list of this process's memory, in bytes.
const maxMaps = 1 << 20

// Slim hands memory back that a relay needed to start: free memory, and the pages of
// the program's file, most of which are those of a gateway. What is needed is read
// again from the file. It blocks for some milliseconds.
func Slim() {
	debug.FreeOSMemory()
	self, err := os.Executable()
	if err != nil {
		return
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // It was only read.
	var m mapping
	lines := bufio.NewScanner(f)
	for size := 0; lines.Scan() && size < maxMaps; size += len(lines.Bytes()) {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		switch {
		case !strings.HasSuffix(name, ":"):
			m = readMapping(name, rest, self)
		case name == "Anonymous:" && m.ours:
			// The program's own writes are in none of these pages, so nothing is lost.
			if strings.TrimSpace(rest) == "0 kB" {
				_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED) // It is only advice.
			}
			m.ours = false
		}
	}
}

// mapping is a part of this process's memory.
type mapping struct {
	start, end uintptr
	ours       bool // of the program's file, and never written to
}

func readMapping(span, rest, self string) mapping {
	from, to, _ := strings.Cut(span, "-")
	start, errStart := strconv.ParseUint(from, 16, 64)
	end, errEnd := strconv.ParseUint(to, 16, 64)
	readOnly := strings.HasPrefix(rest, "r-xp ") || strings.HasPrefix(rest, "r--p ")
	return mapping{
		start: uintptr(start), end: uintptr(end),
		ours: errStart == nil && errEnd == nil && readOnly && strings.HasSuffix(rest, " "+self),
	}
}
