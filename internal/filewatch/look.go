package filewatch

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"
)

// look is the life of the goroutine that sets up watches and polls.
func (w *Watcher) look() {
	l := looker{w: w, dirs: map[string]os.FileInfo{}, warned: map[string]bool{}}
	defer l.close()
	calm := closePolls
	timer := time.NewTimer(w.opts.Poll)
	defer timer.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-w.kicks:
			l.once()
			if !w.pause(breath) {
				return
			}
		case <-timer.C:
			calm++
			if l.once() {
				calm = 0
			}
			timer.Reset(w.untilPoll(calm))
		}
	}
}

// untilPoll is short as long as the last polls have found changes.
func (w *Watcher) untilPoll(calm int) time.Duration {
	if calm < closePolls {
		return min(w.opts.Poll, closePoll)
	}
	return w.opts.Poll
}

// pause waits; it is false when the watcher was closed meanwhile.
func (w *Watcher) pause(d time.Duration) bool {
	select {
	case <-w.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// looker is what only the looking goroutine knows.
type looker struct {
	w *Watcher
	// dirs are the watched directories as they were when the watch began.
	dirs   map[string]os.FileInfo
	warned map[string]bool
}

// once sets up the watches as they must be now, and then compares each file
// with its mark. It reports whether it has found a change.
func (l *looker) once() bool {
	files := l.w.paths()
	if l.w.events != nil {
		l.watch(files)
	}
	found := false
	for _, path := range files {
		select {
		case <-l.w.stop:
			return found
		default:
		}
		content := Read(path)
		if content.Scarce {
			continue // Nothing is known of it, which is no change.
		}
		if l.w.differs(path, content.Mark()) {
			l.w.opts.Notify(Notice{Path: path, Polled: true})
			found = true
		}
	}
	return found
}

func (w *Watcher) paths() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// differs notes what was found in a file and reports whether that is news.
func (w *Watcher) differs(path, mark string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, ok := w.marks[path]
	if !ok || known == mark {
		return false
	}
	w.marks[path] = mark
	return true
}

// watch brings the watched directories in line with the file system. What
// changes between the survey and the watch would make no event, so it ends
// only when a survey after the watches says the same as the one before.
func (l *looker) watch(files []string) {
	s := takeSurvey(files)
	for range maxSurveys {
		concerns := s.concerns
		l.w.concerns.Store(&concerns)
		l.install(s.dirs)
		next := takeSurvey(files)
		if next.equal(s) {
			return
		}
		s = next
	}
}

func (l *looker) install(dirs []string) {
	for _, dir := range slices.Sorted(maps.Keys(l.dirs)) {
		if !slices.Contains(dirs, dir) {
			l.remove(dir)
		}
	}
	live := l.w.events.WatchList()
	for _, dir := range dirs {
		l.add(dir, slices.Contains(live, dir))
	}
}

// add watches dir unless that very directory is watched already: another one
// may be in its place by now.
func (l *looker) add(dir string, live bool) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	known, ok := l.dirs[dir]
	if ok && live && err == nil && os.SameFile(known, info) {
		return
	}
	if ok {
		l.remove(dir)
	}
	if err == nil {
		err = l.w.events.Add(dir)
	}
	if err != nil {
		l.warn(dir, err)
		return
	}
	l.dirs[dir] = info
}

func (l *looker) remove(dir string) {
	delete(l.dirs, dir)
	// It may be gone, which ends the watch as well.
	_ = l.w.events.Remove(dir)
}

// warn says once that a directory can't be watched. One that is missing is
// no trouble: its parent tells when it comes.
func (l *looker) warn(dir string, err error) {
	if l.warned[dir] || errors.Is(err, fs.ErrNotExist) {
		return
	}
	select {
	case <-l.w.stop:
		return // Being closed is not worth a word either.
	default:
	}
	l.warned[dir] = true
	l.w.opts.Log.Warn("directory not watched, polling only",
		slog.String("dir", dir), slog.Any("err", err), slog.Duration("poll", l.w.opts.Poll))
}

func (l *looker) close() {
	if l.w.events != nil {
		// It can only fail for a descriptor that is closed already.
		_ = l.w.events.Close()
	}
}
