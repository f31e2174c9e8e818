package watcher_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/watcher"
	"gatehouse/internal/filewatch"
	"gatehouse/messages"
)

// A file that cannot be read because the process has too many open is not
// rejected: the target hears that it is unreadable, and what is in it as soon
// as it can be read.
func TestWatcher_tooManyOpenFiles_isTriedAgainAndNoRejection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(settleDeadLetters)
		files := newFiles(map[string]string{"r": "r0"})
		var short atomic.Bool
		short.Store(true)
		r := start(t, watcher.Config{
			Files: []watcher.File{{Role: messages.RoleRules, Path: "r", Mark: hash("r0")}},
			Read: func(path string) filewatch.Content {
				if short.Load() {
					return filewatch.Content{Err: "cannot read r: too many open files", Reason: "too many open files", Unreadable: true, Scarce: true}
				}
				return files.read(path)
			},
			Watch: func(notify func(filewatch.Notice)) watcher.Source { files.notify = notify; return files },
		})
		b := &bubble{r, files, time.Now()}
		b.files.write("r", "r1")
		b.pass(time.Minute)
		b.expect(t, "messages.FileUnreadable")
		short.Store(false)
		b.pass(time.Second)
		b.expect(t, "rules r change forced r1")
	})
}
