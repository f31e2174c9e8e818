package attach

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/internal/ownsocket"
)

// Sweep removes what killed gateways and relays have left in a folder of sockets. If
// the folder is one of those that stand in for long paths in the temporary folder, the
// others there are swept, too: the person whose they are may never come back to them.
// What somebody holds, or is making just now, stays.
func Sweep(ctx context.Context, dir string) {
	sweepFolder(ctx, dir)
	if !ownsocket.IsStandIn(dir) {
		return
	}
	for _, other := range ownsocket.StandIns(dir) {
		info, err := os.Lstat(other)
		if err != nil || other == dir || time.Since(info.ModTime()) < ownsocket.Fresh || ownsocket.CheckDir(other) != nil {
			continue
		}
		if sweepFolder(ctx, other) {
			_ = os.Remove(other) // Only if it is empty.
		}
	}
}

// The ends of the names of what a gateway, and who starts one, keep in a folder.
const (
	socketEnd = ".sock"
	lifeEnd   = ".lock"
	startEnd  = ".start"
	draftEnd  = ".new"
	logEnd    = ".log"
	olderEnd  = ".1" // behind that of a log
)

// sweepFolder sweeps one folder, and reports whether gateways for attach have used it:
// an empty one may be about to get an operator's socket.
func sweepFolder(ctx context.Context, dir string) (ours bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	swept := map[string]bool{}
	for _, e := range entries {
		end := filepath.Ext(e.Name())
		p := Place{Dir: dir, Name: strings.TrimSuffix(e.Name(), end)}
		switch end {
		case lifeEnd, startEnd, socketEnd:
			if p.isHash() && !swept[p.Name] {
				swept[p.Name] = true
				p.sweep()
			}
		case draftEnd:
			if path := filepath.Join(dir, e.Name()); ownsocket.Listening(ctx, path) == ownsocket.No {
				ownsocket.RemoveStale(path)
			}
		}
	}
	return len(swept) > 0
}

// isHash reports whether a place has a name as PlaceOf gives it: an operator's socket,
// which has the same end, has none.
func (p Place) isHash() bool {
	return len(p.Name) == 2*hashBytes && strings.Trim(p.Name, "0123456789abcdef") == ""
}

// sweep removes the files of a place that nobody uses.
func (p Place) sweep() {
	if release := p.hold(); release != nil {
		_ = os.Remove(p.Socket()) // It may not be there.
		release()
	}
}

// hold takes both locks of a place, and returns what releases them; nil if its gateway
// lives or is being started.
func (p Place) hold() (release func()) {
	life, err := lock(p.lifeLock())
	if err != nil {
		return nil
	}
	start, err := lock(p.startLock())
	if err != nil {
		life.Release()
		return nil
	}
	return func() {
		start.Release()
		life.Release()
	}
}

// keptLog is how long the log of a gateway is kept after its last line: its files may
// be gone, and nobody else would remove it.
const keptLog = 30 * 24 * time.Hour

// SweepLogs removes logs from a folder that no gateway has written to for a month.
// sockets is the folder of their gateways: the log of one that lives stays.
func SweepLogs(dir, sockets string) {
	entries, err := os.ReadDir(dir)
	if err != nil || !filepath.IsAbs(dir) {
		return
	}
	for _, e := range entries {
		name, isLog := strings.CutSuffix(strings.TrimSuffix(e.Name(), olderEnd), logEnd)
		p := Place{Dir: sockets, Name: name}
		info, err := e.Info()
		if !isLog || !p.isHash() || err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < keptLog {
			continue
		}
		if release := p.hold(); release != nil {
			_ = os.Remove(filepath.Join(dir, e.Name())) // The next gateway tries again.
			release()
		}
	}
}
