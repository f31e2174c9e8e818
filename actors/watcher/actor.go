package watcher

import (
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/filewatch"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// The defaults of Config.
const (
	DefaultDebounce = 300 * time.Millisecond
	DefaultMaxWait  = 2 * time.Second
)

// MaxFiles is how many files are watched at most. What WatchFiles names
// beyond that is neither watched nor read, which is logged.
const MaxFiles = 1000

// File is a file that is watched from the start. Those that entries name are
// replaced by WatchFiles; the others are watched for good.
type File struct {
	Role messages.FileRole
	Path string
	// Mark is the mark (see messages.ConfigChanged) of the content that the
	// target has already. Empty means that it has none, so any content is news.
	Mark string
	// Optional is set for a file that may be missing: as long as it is, nobody
	// hears of it.
	Optional bool
}

// Source is where notices come from. Its methods don't block; what they
// promise is said at filewatch.Watcher, which is the real one.
type Source interface {
	Set(files []filewatch.File)
	Saw(path, mark string)
	Close()
	Done() <-chan struct{}
}

// Config is what the watcher actor is given.
type Config struct {
	Files []File
	// Debounce is how long a file must be quiet before it is read; 0 means
	// DefaultDebounce.
	Debounce time.Duration
	// MaxWait is how long a file is read at the latest after the first notice
	// of a burst; 0 means DefaultMaxWait. It is at least Debounce.
	MaxWait time.Duration
	// Poll is the time between two polls; 0 means filewatch.DefaultPoll.
	Poll time.Duration
	// NoEvents leaves the events of the file system out: only polls find
	// changes.
	NoEvents bool
	// Target gets every ConfigChanged. It must be set.
	Target *actor.PID
	// Log must be set.
	Log *slog.Logger

	// Watch, if set, replaces the file system as the source of notices, and
	// Read the way files are read. Read is called from one goroutine at a time
	// and may block.
	Watch func(notify func(filewatch.Notice)) Source
	Read  func(path string) filewatch.Content

	// Stored asks the keyring for the variables that a file of RoleKeyring with this
	// content lists. It is called from one goroutine at a time and may block: only the
	// servers and lists of variables wait for it. It must be set if there is such a file.
	Stored func(content []byte) map[string]vars.Stored
}

// Props makes the watcher actor.
func Props(cfg Config) *actor.Props {
	cfg = cfg.withDefaults()
	var runs atomic.Uint64
	return actor.PropsFromProducer(func() actor.Actor {
		return &watcher{cfg: cfg, run: runs.Add(1), book: newBook(cfg)}
	})
}

func (cfg Config) withDefaults() Config {
	if cfg.Debounce <= 0 {
		cfg.Debounce = DefaultDebounce
	}
	if cfg.MaxWait <= 0 {
		cfg.MaxWait = DefaultMaxWait
	}
	cfg.MaxWait = max(cfg.MaxWait, cfg.Debounce)
	if cfg.Watch == nil {
		opts := filewatch.Options{Poll: cfg.Poll, NoEvents: cfg.NoEvents, Log: cfg.Log}
		cfg.Watch = func(notify func(filewatch.Notice)) Source {
			opts.Notify = notify
			return filewatch.Start(opts)
		}
	}
	if cfg.Read == nil {
		cfg.Read = filewatch.Read
	}
	return cfg
}

type watcher struct {
	cfg    Config
	run    uint64 // which incarnation this is
	book   book
	source Source
	timer  *time.Timer
	armed  time.Time     // when timer fires; zero when it is not set
	read   chan struct{} // closed when the running read has ended; nil when there is none
	asked  chan struct{} // closed when the keyring has answered; nil when it is not asked
	ended  chan struct{} // closed when this incarnation ends
}

// What the actor's helpers tell it. They name the run they belong to.
type (
	noticed struct {
		run    uint64
		notice filewatch.Notice
	}
	woken struct{ run uint64 }
	found struct {
		run     uint64
		job     job
		content filewatch.Content
	}
	answered struct {
		run    uint64
		change messages.ConfigChanged
	}
	scarce struct {
		run    uint64
		job    job
		reason string
	}
)

// IgnoreDeadLetterLogging marks what may come after the end without being of
// any interest; and the content of files must never be logged.
func (noticed) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see noticed.
func (woken) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see noticed.
func (found) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see noticed.
func (answered) IgnoreDeadLetterLogging() {}

// IgnoreDeadLetterLogging: see noticed.
func (scarce) IgnoreDeadLetterLogging() {}

// LogValue implements slog.LogValuer and hides the content.
func (m found) LogValue() slog.Value { return slog.StringValue(m.job.ID.Path) }

// LogValue implements slog.LogValuer and hides the values.
func (m answered) LogValue() slog.Value { return slog.StringValue(m.change.Path) }

// Receive implements actor.Actor.
func (w *watcher) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		w.start(c)
	case noticed:
		w.noticed(c, m)
	case woken:
		w.woken(c, m)
	case found:
		w.found(c, m)
	case answered:
		w.answered(c, m)
	case scarce:
		if m.run == w.run {
			w.tell(c, m)
		}
	case messages.WatchFiles:
		w.watchFiles(c, m)
	case messages.Rescan:
		w.book.rescan(m.Trigger)
		w.turn(c)
	case *actor.Stopping, *actor.Restarting:
		w.end()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		w.cfg.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
}

func (w *watcher) start(c actor.Context) {
	w.ended = make(chan struct{})
	root, self, run := c.ActorSystem().Root, c.Self(), w.run
	w.source = w.cfg.Watch(func(n filewatch.Notice) { root.Send(self, noticed{run, n}) })
	w.source.Set(w.book.watched())
	c.Request(w.cfg.Target, messages.WatcherReady{})
}

func (w *watcher) noticed(c actor.Context, m noticed) {
	if m.run == w.run {
		w.book.notice(m.notice, time.Now())
		w.turn(c)
	}
}

func (w *watcher) woken(c actor.Context, m woken) {
	if m.run == w.run {
		w.armed = time.Time{}
		w.turn(c)
	}
}

func (w *watcher) found(c actor.Context, m found) {
	if m.run != w.run {
		return
	}
	w.read = nil
	w.source.Saw(m.job.ID.Path, m.content.Mark())
	for _, change := range w.book.found(m) {
		if change.Role == messages.RoleKeyring && change.Err == "" {
			w.ask(c, change)
		} else {
			w.send(c, change)
		}
	}
	w.turn(c)
}

func (w *watcher) send(c actor.Context, change messages.ConfigChanged) {
	w.cfg.Log.Debug("file changed", slog.Any("change", change))
	c.Send(w.cfg.Target, change)
}

func (w *watcher) watchFiles(c actor.Context, m messages.WatchFiles) {
	left := w.book.watch(m, time.Now())
	if len(left) > 0 {
		w.cfg.Log.Warn("too many files to watch", slog.String("role", string(m.Role)), slog.Int("left_out", len(left)))
	}
	for _, path := range left {
		if slices.Contains(m.Unread, path) {
			c.Send(w.cfg.Target, tooMany(m.Role, path))
		}
	}
	w.source.Set(w.book.watched())
	w.turn(c)
}

// tooMany answers for a file that is not read.
func tooMany(role messages.FileRole, path string) messages.ConfigChanged {
	reason := fmt.Sprintf("more than %d files are named", MaxFiles)
	return messages.ConfigChanged{Role: role, Path: path, Err: "cannot read " + path + ": " + reason, Reason: reason, Trigger: messages.TriggerNamed}
}

// turn does what is due now: it begins the next read unless one is running,
// and sets the timer for what is due later.
func (w *watcher) turn(c actor.Context) {
	w.book.tick(time.Now())
	root, self, run := c.ActorSystem().Root, c.Self(), w.run
	if w.read == nil {
		if j, ok := w.book.next(w.asked != nil); ok {
			ended := make(chan struct{})
			w.read = ended
			go func() { // Ends with its read; end waits for it.
				defer close(ended)
				if content, ok := w.insist(j, func(reason string) { root.Send(self, scarce{run, j, reason}) }); ok {
					root.Send(self, content)
				}
			}()
		}
	}
	w.arm(func() { root.Send(self, woken{run}) })
}

// arm sets the timer if it would fire too late. One that fires too early does
// no harm, so a burst of notices does not set it anew each time.
func (w *watcher) arm(fire func()) {
	at := w.book.wake()
	if at.IsZero() || !w.armed.IsZero() && !at.Before(w.armed) {
		return
	}
	if w.timer != nil {
		w.timer.Stop()
	}
	w.armed = at
	w.timer = time.AfterFunc(time.Until(at), fire)
}

// patience is how long the end of the actor waits for its helpers. Only a
// file system or a keyring that hangs takes longer; then they end when it answers.
const patience = time.Second

// end ends what this incarnation has begun. It never panics: that would undo
// the stop.
func (w *watcher) end() {
	defer func() {
		if r := recover(); r != nil {
			w.cfg.Log.Error("internal: watcher cannot stop cleanly", slog.Any("reason", r))
		}
	}()
	if w.timer != nil {
		w.timer.Stop()
	}
	if w.source == nil {
		return
	}
	close(w.ended)
	w.source.Close()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	if w.read != nil {
		waitFor(w.read, limit.C)
	}
	if w.asked != nil {
		waitFor(w.asked, limit.C)
	}
	waitFor(w.source.Done(), limit.C)
}

func waitFor(ended <-chan struct{}, limit <-chan time.Time) {
	select {
	case <-ended:
	case <-limit:
	}
}
