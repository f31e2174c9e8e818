package filewatch

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// DefaultPoll is the time between two polls.
	DefaultPoll = 2 * time.Second

	// closePoll is the time between polls after one has found a change: where
	// there are no events, only another look shows whether a write goes on.
	closePoll = 100 * time.Millisecond
	// closePolls is how many of them must find nothing until it is calm again.
	closePolls = 10
	// breath is the least time between two looks that events ask for.
	breath = 20 * time.Millisecond
	// maxSurveys bounds how often a look starts over because directories
	// change under it; the next poll goes on from there.
	maxSurveys = 8
)

// Notice says that a file may hold something else than its owner has read.
type Notice struct {
	// Path is the path as it was given to Set.
	Path string
	// Polled tells that a look at the file has found this, and not an event.
	Polled bool
}

// File is one file to watch.
type File struct {
	// Path may be relative to the working directory; the file and its
	// directories need not exist.
	Path string
	// Mark is the mark of what the owner has read last. Empty means that the
	// owner knows nothing: then the first look makes a notice in any case.
	Mark string
}

// Options says how a Watcher works.
type Options struct {
	// Notify gets the notices. It is called from the Watcher's goroutines,
	// from several at a time, and must not block. It is not called any more
	// once Done is closed.
	Notify func(Notice)
	// Poll is the time between two polls; 0 means DefaultPoll.
	Poll time.Duration
	// NoEvents leaves fsnotify out: only the poll finds changes.
	NoEvents bool
	// Log hears, at most once for each directory, what could not be watched.
	// It must be set.
	Log *slog.Logger
}

// Watcher watches a set of files until it is closed. Its methods may be
// called from any goroutine and don't block.
type Watcher struct {
	opts     Options
	events   *fsnotify.Watcher // nil: poll only
	concerns atomic.Pointer[map[string][]string]
	kicks    chan struct{} // holds at most one: look now
	stop     chan struct{}
	stopOnce sync.Once
	done     chan struct{}

	mu    sync.Mutex
	files []string          // sorted
	marks map[string]string // what each file's owner knows, or a look has told it
}

// Start begins to watch; there are no files yet. The caller must Close it.
// If the system has no events, that is logged and polls do it all.
func Start(opts Options) *Watcher {
	if opts.Poll <= 0 {
		opts.Poll = DefaultPoll
	}
	w := &Watcher{
		opts:  opts,
		kicks: make(chan struct{}, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
		marks: map[string]string{},
	}
	w.concerns.Store(&map[string][]string{})
	var running sync.WaitGroup
	if !opts.NoEvents {
		if events, err := fsnotify.NewWatcher(); err != nil {
			opts.Log.Warn("file events not available, polling only", slog.Any("err", err), slog.Duration("poll", opts.Poll))
		} else {
			w.events = events
			running.Go(func() { w.listen(events) })
		}
	}
	running.Go(w.look)
	go func() { // Ends right after the other two, which Close ends.
		running.Wait()
		close(w.done)
	}()
	return w
}

// Set replaces the set of files. A path that was in it keeps its mark.
func (w *Watcher) Set(files []File) {
	marks := make(map[string]string, len(files))
	paths := make([]string, 0, len(files))
	w.mu.Lock()
	for _, f := range files {
		if _, twice := marks[f.Path]; twice {
			continue
		}
		paths = append(paths, f.Path)
		marks[f.Path] = f.Mark
		if known, ok := w.marks[f.Path]; ok {
			marks[f.Path] = known
		}
	}
	slices.Sort(paths)
	w.files, w.marks = paths, marks
	w.mu.Unlock()
	w.kick()
}

// Saw tells what the owner of a file has just read, as the mark of that: from
// now on polls look for something else.
func (w *Watcher) Saw(path, mark string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.marks[path]; ok {
		w.marks[path] = mark
	}
}

// Close ends the watching. It returns at once; Done tells when all has ended.
func (w *Watcher) Close() { w.stopOnce.Do(func() { close(w.stop) }) }

// Done is closed when the Watcher has ended: soon after Close, but for a file
// system that hangs in a read.
func (w *Watcher) Done() <-chan struct{} { return w.done }

func (w *Watcher) kick() {
	select {
	case w.kicks <- struct{}{}:
	default: // One is waiting already, and its look is still to come.
	}
}

// listen keeps fsnotify's channels empty, until they are closed.
func (w *Watcher) listen(events *fsnotify.Watcher) {
	for {
		select {
		case ev, ok := <-events.Events:
			if !ok {
				return
			}
			w.heard(ev)
		case err, ok := <-events.Errors:
			if !ok {
				return
			}
			// Most likely too many came at once, so that some are lost.
			w.opts.Log.Debug("file events lost, looking at all files", slog.Any("err", err))
			w.kick()
		}
	}
}

func (w *Watcher) heard(ev fsnotify.Event) {
	if ev.Op == fsnotify.Chmod {
		return // Indexers and backup programs do that all the time; the poll sees if it matters.
	}
	files := (*w.concerns.Load())[eventKey(ev.Name)]
	if len(files) == 0 {
		return
	}
	for _, path := range files {
		w.opts.Notify(Notice{Path: path})
	}
	if ev.Has(fsnotify.Create | fsnotify.Remove | fsnotify.Rename) {
		w.kick() // What must be watched may be something else now.
	}
}
