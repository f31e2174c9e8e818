package watcher_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/actors/watcher"
	"gatehouse/internal/filewatch"
	"gatehouse/internal/vars"
	"gatehouse/messages"
)

// withKeyring is a bubble with a list of variables "k". The keyring answers once
// answer has something.
func withKeyring(t *testing.T, test func(t *testing.T, b *bubble, answer chan string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(settleDeadLetters)
		answer := make(chan string)
		files := newFiles(map[string]string{"s": "s0", "r": "r0", "k": "k0"})
		r := start(t, watcher.Config{
			Files: []watcher.File{
				{Role: messages.RoleServers, Path: "s", Mark: hash("s0")},
				{Role: messages.RoleRules, Path: "r", Mark: hash("r0")},
				{Role: messages.RoleKeyring, Path: "k", Mark: hash("k0"), Optional: true},
			},
			Read: files.read,
			Stored: func(list []byte) map[string]vars.Stored {
				return map[string]vars.Stored{string(list): {Value: <-answer}}
			},
			Watch: func(notify func(filewatch.Notice)) watcher.Source { files.notify = notify; return files },
		})
		test(t, &bubble{r, files, time.Now()}, answer)
	})
}

// Rules that take something away are in force at once, whatever the keyring does.
func TestWatcher_silentKeyring_holdsUpNoRules(t *testing.T) {
	withKeyring(t, func(t *testing.T, b *bubble, answer chan string) {
		b.files.write("k", "k1")
		b.pass(time.Second)
		b.files.write("r", "r1")
		b.files.write("s", "s1")
		b.pass(300 * time.Millisecond)
		b.expect(t, "rules r change r1")
		answer <- "one"
		b.expect(t, "keyring k change k1", "servers s change s1")
	})
}

// Of lists that change while the keyring is asked, the last one counts, and each comes
// with the answer about itself.
func TestWatcher_listThatChangesMeanwhile_isAskedForNext(t *testing.T) {
	withKeyring(t, func(t *testing.T, b *bubble, answer chan string) {
		b.files.write("k", "k1")
		b.pass(time.Second)
		b.files.write("k", "k2")
		b.pass(time.Second)
		b.files.write("k", "k3")
		b.pass(time.Second)
		b.expect(t)
		for _, want := range []string{"k1", "k3"} {
			answer <- "of " + want
			if got := b.change(t); string(got.Content) != want || got.Stored[want].Value != "of "+want {
				t.Errorf("got %s with %v, want %s with its answer", got.Content, got.Stored, want)
			}
		}
		b.expect(t)
	})
}
