package watcher_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/actors/watcher"
	"gatehouse/internal/filewatch"
	"gatehouse/messages"
)

// fakeFiles is a file system in memory that gives a notice of each write. It
// lets tests run on the fake clock of a bubble.
type fakeFiles struct {
	mu      sync.Mutex
	content map[string]string
	notify  func(filewatch.Notice)
	watched []string
	saw     map[string]string
	bug     bool // the next Set panics
	done    chan struct{}
}

func newFiles(content map[string]string) *fakeFiles {
	return &fakeFiles{content: content, saw: map[string]string{}, done: make(chan struct{})}
}

func (f *fakeFiles) Set(files []filewatch.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bug {
		panic("a bug")
	}
	f.watched = nil
	for _, file := range files {
		f.watched = append(f.watched, file.Path)
	}
}
func (f *fakeFiles) Saw(path, mark string) { f.saw[path] = mark }
func (f *fakeFiles) Close()                { close(f.done) }
func (f *fakeFiles) Done() <-chan struct{} { return f.done }

func (f *fakeFiles) read(path string) filewatch.Content {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, ok := f.content[path]
	if !ok {
		return filewatch.Content{Err: "cannot read " + path + ": it is not there"}
	}
	return filewatch.Content{Bytes: []byte(text), Hash: hash(text)}
}

// write changes a file and gives the notice, also if it is not watched any
// more: one may be under way.
func (f *fakeFiles) write(path, text string) {
	f.mu.Lock()
	f.content[path] = text
	f.mu.Unlock()
	f.notify(filewatch.Notice{Path: path})
}

func (f *fakeFiles) remove(path string) {
	f.mu.Lock()
	delete(f.content, path)
	f.mu.Unlock()
	f.notify(filewatch.Notice{Path: path})
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// bubble is a rig on fake time.
type bubble struct {
	*rig
	files *fakeFiles
	begin time.Time
}

// inBubble runs a test on fake time, with a servers file "s", a rules file "r"
// and an env file "e" that are all known, and the default times.
func inBubble(t *testing.T, test func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(settleDeadLetters)
		files := newFiles(map[string]string{"s": "s0", "r": "r0", "e": "e0"})
		r := start(t, watcher.Config{
			Files: []watcher.File{
				{Role: messages.RoleServers, Path: "s", Mark: hash("s0")},
				{Role: messages.RoleRules, Path: "r", Mark: hash("r0")},
				{Role: messages.RoleEnv, Path: "e", Mark: hash("e0")},
			},
			Read:  files.read,
			Watch: func(notify func(filewatch.Notice)) watcher.Source { files.notify = notify; return files },
		})
		test(t, &bubble{r, files, time.Now()})
	})
}

// settleDeadLetters runs last in a bubble: the library counts dead letters in a
// goroutine that ends after a (fake) second.
func settleDeadLetters() { time.Sleep(10 * time.Second) }

// pass lets fake time pass, with all that happens in it.
func (b *bubble) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// heard lists what the target got so far and has not been listed yet.
func (b *bubble) heard() []string {
	synctest.Wait()
	var heard []string
	for {
		select {
		case m := <-b.got:
			heard = append(heard, describe(m))
		default:
			return heard
		}
	}
}

func describe(m any) string {
	c, ok := m.(messages.ConfigChanged)
	if !ok {
		return fmt.Sprintf("%T", m)
	}
	words := []string{string(c.Role), c.Path, c.Trigger}
	if c.Forced {
		words = append(words, "forced")
	}
	if c.Err != "" {
		return strings.Join(append(words, "missing"), " ")
	}
	return strings.Join(append(words, string(c.Content)), " ")
}

func (b *bubble) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.heard()); diff != "" {
		t.Errorf("after %v the target heard (-want +got):\n%s", time.Since(b.begin), diff)
	}
}

func TestWatcher_fiveWritesInTheWindow_areOneChange(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for i := range 5 {
			b.files.write("s", fmt.Sprintf("s%d", i+1))
			b.pass(50 * time.Millisecond)
		}
		b.pass(249 * time.Millisecond)
		b.expect(t)
		b.pass(time.Millisecond)
		b.expect(t, "servers s change s5")
		b.pass(time.Hour)
		b.expect(t)
	})
}

func TestWatcher_change_carriesContentAndHash(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("r", "r1")
		got := b.change(t)
		want := messages.ConfigChanged{Role: messages.RoleRules, Path: "r", Content: []byte("r1"), Hash: hash("r1"), Trigger: "change"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWatcher_source_isToldWhatWasRead(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("r", "r1")
		b.files.remove("s")
		b.pass(time.Second)
		want := map[string]string{"r": hash("r1"), "s": b.files.read("s").Mark()}
		if diff := cmp.Diff(want, b.files.saw); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestWatcher_fileThatNeverRests_isSentAtTheMaximumWait(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for i := range 19 {
			b.files.write("s", fmt.Sprintf("s%d", i+1))
			b.pass(100 * time.Millisecond)
		}
		b.files.write("s", "s20")
		b.pass(99 * time.Millisecond)
		b.expect(t)
		b.pass(time.Millisecond)
		b.expect(t, "servers s change s20")
	})
}

func TestWatcher_eachFile_isOnItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1")
		b.pass(time.Second)
		b.expect(t, "servers s change s1")
		b.files.write("r", "r1")
		b.pass(time.Second)
		b.expect(t, "rules r change r1")
		b.files.write("s", "s2")
		b.files.write("r", "r2")
		b.files.write("e", "e2")
		b.pass(time.Second)
		b.expect(t, "env e change e2", "rules r change r2", "servers s change s2")
	})
}

func TestWatcher_rulesThatAreNotSettled_comeBeforeServers(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1")
		b.pass(200 * time.Millisecond)
		b.files.write("r", "r1")
		b.pass(299 * time.Millisecond)
		b.expect(t)
		b.pass(time.Millisecond)
		b.expect(t, "rules r change r1", "servers s change s1")
	})
}

func TestWatcher_rulesThatNeverSettle_holdServersOnlyForTheMaximumWait(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1")
		for i := range 19 {
			b.pass(100 * time.Millisecond)
			b.files.write("r", fmt.Sprintf("r%d", i+1))
		}
		b.pass(99 * time.Millisecond)
		b.expect(t)
		b.pass(time.Millisecond)
		b.expect(t, "rules r change r19", "servers s change s1")
		b.pass(time.Hour)
		b.expect(t) // What the rules settled with is what was sent early.
	})
}

func TestWatcher_rulesMissingInMidChange_areNotReportedBeforeTheySettle(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1")
		for range 19 {
			b.pass(100 * time.Millisecond)
			b.files.remove("r")
		}
		b.pass(100 * time.Millisecond)
		b.expect(t, "servers s change s1")
		b.files.write("r", "r1")
		b.pass(time.Second)
		b.expect(t, "rules r change r1")
	})
}

func TestWatcher_sameBytes_areNoChange(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s0")
		b.pass(time.Hour)
		b.expect(t)
		b.files.write("s", "s1")
		b.pass(100 * time.Millisecond)
		b.files.write("s", "s0")
		b.pass(time.Hour)
		b.expect(t)
	})
}

func TestWatcher_backToOldBytes_isAChange(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1")
		b.pass(time.Second)
		b.files.write("s", "s0")
		b.pass(time.Second)
		b.expect(t, "servers s change s1", "servers s change s0")
	})
}

func TestWatcher_missingFile_isReportedOnceUntilItIsBack(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		for range 3 {
			b.files.remove("s")
			b.pass(time.Second)
		}
		b.expect(t, "servers s change missing")
		b.files.write("s", "s0")
		b.pass(time.Second)
		b.expect(t, "servers s change s0")
		b.files.remove("s")
		b.pass(time.Second)
		b.expect(t, "servers s change missing")
	})
}

func TestWatcher_deleteAndCreateInTheWindow_isOneChange(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.remove("s")
		b.pass(200 * time.Millisecond)
		b.files.write("s", "s1")
		b.pass(time.Hour)
		b.expect(t, "servers s change s1")
	})
}

func TestWatcher_rescan_sendsEverythingAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.write("s", "s1") // Unsettled: it is sent now, and not again when it settles.
		b.tell(messages.Rescan{Trigger: messages.TriggerSighup})
		b.expect(t, "env e sighup forced e0", "rules r sighup forced r0", "servers s sighup forced s1")
		b.pass(time.Hour)
		b.expect(t)
	})
}

func TestWatcher_rescan_reportsAMissingFileEachTime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.remove("r")
		b.pass(time.Second)
		b.expect(t, "rules r change missing")
		b.tell(messages.Rescan{Trigger: messages.TriggerReload})
		b.expect(t, "env e reload forced e0", "rules r reload forced missing", "servers s reload forced s0")
	})
}

func TestWatcher_poll_isNamedAsTheTrigger(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.content["s"] = "s1"
		b.files.notify(filewatch.Notice{Path: "s", Polled: true})
		b.pass(time.Second)
		b.expect(t, "servers s poll s1")
	})
}

func TestWatcher_watchFiles_replacesTheFilesOfItsRoleOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.content["d1"], b.files.content["d2"], b.files.content["d3"] = "x", "y", "z"
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d2", "d1", "d2"}})
		b.pass(time.Second)
		b.expect(t, "dependency d1 poll x", "dependency d2 poll y")
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d3", "d2"}})
		b.pass(time.Second)
		b.expect(t, "dependency d3 poll z") // d2 was known.
		if want := []string{"d2", "d3", "e", "r", "s"}; !slices.Equal(b.files.watched, want) {
			t.Errorf("watched are %q, want %q", b.files.watched, want)
		}
		b.files.write("d1", "x1")
		b.files.write("d2", "y1")
		b.pass(time.Second)
		b.expect(t, "dependency d2 change y1")
	})
}

func TestWatcher_watchFiles_forgetsWhatIsUnsettled(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d1"}})
		b.tell(messages.WatchFiles{Role: messages.RoleDependency})
		b.pass(time.Second)
		b.expect(t)
	})
}

func TestWatcher_watchFiles_missingFileIsReportedAndItsArrivalToo(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d1"}})
		b.pass(time.Second)
		b.expect(t, "dependency d1 poll missing")
		b.files.write("d1", "x")
		b.pass(time.Second)
		b.expect(t, "dependency d1 change x")
	})
}

func TestWatcher_unreadFile_isReadAtOnceAndAnsweredInAnyCase(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.files.content["d1"] = "x"
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d1", "d2"}, Unread: []string{"d1", "d2"}})
		b.expect(t, "dependency d1 named forced x", "dependency d2 named forced missing")
		b.pass(time.Second)
		b.expect(t) // What was read at once needs no look later.
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"d1"}, Unread: []string{"d1"}})
		b.expect(t, "dependency d1 named forced x") // Though it is known: somebody waits.
		b.files.write("d1", "x1")
		b.pass(time.Second)
		b.expect(t, "dependency d1 change x1")
	})
}

func TestWatcher_unreadFilesBeyondTheLimit_areAnsweredWithAnError(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		paths := make([]string, watcher.MaxFiles)
		for i := range paths {
			paths[i] = fmt.Sprintf("d%05d", i)
		}
		last := paths[len(paths)-1]
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: paths, Unread: []string{last}})
		b.expect(t, "dependency "+last+" named missing")
	})
}

func TestWatcher_pathWithTwoRoles_isAChangeInBoth(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: []string{"e"}})
		b.pass(time.Second)
		b.expect(t, "dependency e poll e0")
		b.files.write("e", "e1")
		b.pass(time.Second)
		b.expect(t, "env e change e1", "dependency e change e1")
	})
}

func TestWatcher_moreFilesThanTheLimit_areLeftOut(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		paths := make([]string, watcher.MaxFiles+10)
		for i := range paths {
			paths[i] = fmt.Sprintf("d%05d", i)
		}
		b.tell(messages.WatchFiles{Role: messages.RoleDependency, Paths: paths})
		synctest.Wait()
		if got := len(b.files.watched); got != watcher.MaxFiles {
			t.Errorf("%d files are watched, want %d", got, watcher.MaxFiles)
		}
		b.pass(time.Minute)
		b.heard() // All of them are missing.
		b.files.write("s", "s1")
		b.pass(time.Second)
		b.expect(t, "servers s change s1")
	})
}

// inSlowBubble is a bubble in which reading the rules waits until the test lets it go on.
func inSlowBubble(t *testing.T, test func(t *testing.T, b *bubble, goOn func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(settleDeadLetters)
		files := newFiles(map[string]string{"s": "s1", "r": "r1"})
		slow := make(chan struct{})
		r := start(t, watcher.Config{
			Files: []watcher.File{{Role: messages.RoleServers, Path: "s"}, {Role: messages.RoleRules, Path: "r"}},
			Read: func(path string) filewatch.Content {
				content := files.read(path)
				if path == "r" {
					<-slow
				}
				return content
			},
			Watch: func(notify func(filewatch.Notice)) watcher.Source { files.notify = notify; return files },
		})
		test(t, &bubble{r, files, time.Now()}, func() { close(slow) })
	})
}

func TestWatcher_slowRead_holdsNoMailboxAndKeepsTheOrder(t *testing.T) {
	inSlowBubble(t, func(t *testing.T, b *bubble, goOn func()) {
		b.files.write("r", "r1")
		b.pass(400 * time.Millisecond) // The rules are being read.
		b.files.write("s", "s1")
		b.pass(time.Second)
		b.expect(t)
		b.files.write("r", "r2") // The mailbox goes on meanwhile.
		b.pass(time.Second)
		goOn()
		b.pass(time.Second)
		b.expect(t, "rules r change r1", "rules r change r2", "servers s change s1")
	})
}

func TestWatcher_rescanDuringASlowRead_takesOverWhatWaits(t *testing.T) {
	inSlowBubble(t, func(t *testing.T, b *bubble, goOn func()) {
		b.files.write("r", "r1")
		b.pass(400 * time.Millisecond)
		b.files.write("s", "s1")
		b.pass(time.Second)
		b.tell(messages.Rescan{Trigger: messages.TriggerSighup})
		b.files.write("s", "s2")
		b.pass(time.Second)
		goOn()
		b.pass(time.Second)
		b.expect(t, "rules r change r1", "rules r sighup forced r1", "servers s sighup forced s2")
	})
}

func TestWatcher_stopDuringAReadThatHangs_isBounded(t *testing.T) {
	inSlowBubble(t, func(t *testing.T, b *bubble, goOn func()) {
		b.files.write("r", "r1")
		b.pass(400 * time.Millisecond)
		b.stop(t, b.watcher)
		goOn()
	})
}

func TestWatcher_bugInAHandler_isARestartThatGoesOnWatching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(settleDeadLetters)
		var sources []*fakeFiles
		content := map[string]string{"s": "s0"}
		r := start(t, watcher.Config{
			Files: []watcher.File{{Role: messages.RoleServers, Path: "s", Mark: hash("s0")}},
			Read:  func(path string) filewatch.Content { return sources[0].read(path) },
			Watch: func(notify func(filewatch.Notice)) watcher.Source {
				f := newFiles(content)
				f.notify = notify
				sources = append(sources, f)
				return f
			},
		})
		b := &bubble{r, sources[0], time.Now()}
		b.files.write("s", "s1")
		b.files.bug = true
		b.tell(messages.WatchFiles{Role: messages.RoleDependency})
		synctest.Wait()
		if len(sources) != 2 {
			t.Fatalf("got %d sources, want a second one after the restart", len(sources))
		}
		b.expect(t, "messages.WatcherReady")
		b.files.write("s", "s2") // A late notice of the first incarnation counts for nothing.
		b.pass(time.Second)
		b.expect(t)
		sources[1].write("s", "s3")
		b.pass(time.Second)
		b.expect(t, "servers s change s3")
	})
}
