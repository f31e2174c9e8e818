package watcher

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/messages"
)

// tryEvery is the time between tries to read a file while descriptors are short.
const tryEvery = 200 * time.Millisecond

// insist reads a file, again while it fails for lack of descriptors or memory.
// The first such failure is reported, and what is read after one is sent even
// if it is known. ok is false once the actor ends.
func (w *watcher) insist(j job, tell func(reason string)) (f found, ok bool) {
	for tries := 0; ; tries++ {
		content := w.cfg.Read(j.ID.Path)
		if !content.Scarce {
			return found{run: w.run, job: j, content: content}, true
		}
		if tries == 0 {
			j.forced = true
			tell(content.Reason)
		}
		select {
		case <-w.ended:
			return found{}, false
		case <-time.After(tryEvery):
		}
	}
}

// tell passes on that a file cannot be read for now.
func (w *watcher) tell(c actor.Context, m scarce) {
	id := m.job.ID
	w.cfg.Log.Warn("file cannot be read for now, trying again", slog.String("file", id.Path), slog.String("reason", m.reason))
	c.Send(w.cfg.Target, messages.FileUnreadable{Role: id.Role, Path: id.Path, Reason: m.reason})
}
