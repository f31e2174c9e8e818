package filewatch_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/filewatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is for what must happen; it is no measure of how fast.
const deadline = 60 * time.Second

// start watches the files and gives its notices on a channel that takes all.
func start(t *testing.T, opts filewatch.Options, files ...filewatch.File) (*filewatch.Watcher, <-chan filewatch.Notice) {
	t.Helper()
	notices := make(chan filewatch.Notice, 100_000)
	opts.Notify = func(n filewatch.Notice) { notices <- n }
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	w := filewatch.Start(opts)
	t.Cleanup(func() { stop(t, w) })
	w.Set(files)
	return w, notices
}

func stop(t *testing.T, w *filewatch.Watcher) {
	t.Helper()
	w.Close()
	w.Close() // A second time does no harm.
	select {
	case <-w.Done():
	case <-time.After(deadline):
		t.Error("the watcher does not end")
	}
}

func next(t *testing.T, notices <-chan filewatch.Notice) filewatch.Notice {
	t.Helper()
	select {
	case n := <-notices:
		return n
	case <-time.After(deadline):
		t.Fatal("no notice comes")
		return filewatch.Notice{}
	}
}

// await takes notices until there is one of path.
func await(t *testing.T, notices <-chan filewatch.Notice, path string) {
	t.Helper()
	for next(t, notices).Path != path {
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// known is a file with this content, watched by an owner who knows that.
func known(t *testing.T, path, content string) filewatch.File {
	t.Helper()
	write(t, path, content)
	return filewatch.File{Path: path, Mark: filewatch.Read(path).Mark()}
}

func TestWatcher_unknownFile_isNoticedAtTheFirstLook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "x")
	_, notices := start(t, filewatch.Options{Poll: time.Hour}, filewatch.File{Path: path})
	if got, want := next(t, notices), (filewatch.Notice{Path: path, Polled: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWatcher_changeSinceTheMark_isNoticedAtTheFirstLook(t *testing.T) {
	f := known(t, filepath.Join(t.TempDir(), "f"), "loaded")
	write(t, f.Path, "changed")
	_, notices := start(t, filewatch.Options{Poll: time.Hour}, f)
	next(t, notices)
}

func TestWatcher_otherFiles_areNotNoticed(t *testing.T) {
	quiet := known(t, filepath.Join(t.TempDir(), "f"), "x")
	marker := filewatch.File{Path: filepath.Join(t.TempDir(), "f")}
	_, notices := start(t, filewatch.Options{Poll: time.Hour}, quiet, marker)
	await(t, notices, marker.Path) // Its first look comes last, so the watches are there.
	for _, name := range []string{"g", "f~", ".f.swp"} {
		other := filepath.Join(filepath.Dir(quiet.Path), name)
		write(t, other, "noise")
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
	}
	write(t, marker.Path, "end") // Events keep their order, at least on Linux.
	if got := next(t, notices); got.Path != marker.Path {
		t.Errorf("got a notice of %s, want only of %s", got.Path, marker.Path)
	}
}

func TestWatcher_saw_saysWhatPollsCompareWith(t *testing.T) {
	f := known(t, filepath.Join(t.TempDir(), "f"), "x")
	w, notices := start(t, filewatch.Options{Poll: 10 * time.Millisecond, NoEvents: true}, f)
	w.Saw(f.Path, "something else") // As if the owner had read what is gone by now.
	if got := next(t, notices); !got.Polled || got.Path != f.Path {
		t.Errorf("got %+v, want a polled notice of %s", got, f.Path)
	}
	w.Saw("not watched", "x")
}

func TestWatcher_poll_findsAFileThatComesAndGoes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "f")
	_, notices := start(t, filewatch.Options{Poll: 10 * time.Millisecond, NoEvents: true},
		filewatch.File{Path: path, Mark: filewatch.Read(path).Mark()})
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, "x")
	next(t, notices)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	next(t, notices)
}

func TestWatcher_set_endsTheWatchOfFilesThatAreLeftOut(t *testing.T) {
	old := known(t, filepath.Join(t.TempDir(), "f"), "x")
	w, notices := start(t, filewatch.Options{Poll: time.Hour}, old)
	write(t, old.Path, "y")
	next(t, notices)
	fresh := filewatch.File{Path: filepath.Join(t.TempDir(), "g")}
	w.Set([]filewatch.File{fresh, fresh})
	await(t, notices, fresh.Path) // The first look at it: the old one is not watched any more.
	write(t, old.Path, "z")
	write(t, fresh.Path, "x")
	if got := next(t, notices); got.Path != fresh.Path {
		t.Errorf("got a notice of %s, want only of %s", got.Path, fresh.Path)
	}
}

func TestWatcher_lostEvents_makeItLook(t *testing.T) {
	dir := t.TempDir()
	held, lost := known(t, filepath.Join(dir, "held"), "x"), known(t, filepath.Join(dir, "lost"), "x")
	blocked, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	notices := make(chan filewatch.Notice, 100_000)
	var first sync.Once
	w := filewatch.Start(filewatch.Options{
		Poll: time.Hour, Log: slog.New(slog.DiscardHandler),
		Notify: func(n filewatch.Notice) {
			if n.Path == held.Path { // Holds up the reader of events.
				first.Do(func() { close(blocked); <-released })
			}
			notices <- n
		},
	})
	t.Cleanup(func() { release(); stop(t, w) })
	marker := filewatch.File{Path: filepath.Join(dir, "marker")}
	w.Set([]filewatch.File{held, lost, marker})
	await(t, notices, marker.Path)

	write(t, held.Path, "y")
	<-blocked
	overflow(t, dir)
	write(t, lost.Path, "y") // There is no room for its event.
	release()
	await(t, notices, lost.Path)
}

// overflow makes more events in dir than the kernel keeps.
func overflow(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip("only inotify can be made to lose events at will:", err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || limit > 200_000 {
		t.Skipf("the kernel keeps too many events to fill that up: %s", text)
	}
	var noise [2]*os.File // In turns, as the kernel drops repeated events.
	for i := range noise {
		if noise[i], err = os.Create(filepath.Join(dir, "noise"+strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
		defer noise[i].Close()
	}
	for i := range 2*limit + 10_000 {
		if _, err := noise[i%2].WriteAt([]byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatcher_linksInACircle_areReportedAndDoNoHarm(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for link, target := range map[string]string{a: b, b: a} {
		if err := os.Symlink(target, link); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	_, notices := start(t, filewatch.Options{Poll: time.Hour}, filewatch.File{Path: a})
	next(t, notices)
	if err := os.Remove(a); err != nil {
		t.Fatal(err)
	}
	next(t, notices)
}

func TestWatcher_directoryThatIsAFile_isNoticedWhenThatChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	write(t, dir, "not a directory yet")
	path := filepath.Join(dir, "f")
	_, notices := start(t, filewatch.Options{Poll: 50 * time.Millisecond}, filewatch.File{Path: path})
	next(t, notices)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	next(t, notices)
	write(t, path, "x")
	next(t, notices)
}

func TestWatcher_directoryFurtherUpThatIsReplaced_isWatchedAgain(t *testing.T) {
	root := t.TempDir()
	old, fresh := filepath.Join(root, "a"), filepath.Join(root, "b")
	for _, dir := range []string{old, fresh} {
		if err := os.MkdirAll(filepath.Join(dir, "sub", "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f := known(t, filepath.Join(old, "sub", "sub", "f"), "x")
	write(t, filepath.Join(fresh, "sub", "sub", "f"), "y")
	_, notices := start(t, filewatch.Options{Poll: 50 * time.Millisecond}, f)
	awaitEvent(t, notices, f.Path, "before") // So the old one is watched.

	for _, step := range [][2]string{{old, old + ".gone"}, {fresh, old}} {
		if err := os.Rename(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	awaitEvent(t, notices, f.Path, "after")
}

// awaitEvent writes to a file until there is a notice that no look has made.
// Each write differs from those of other rounds, so that a look notices it.
func awaitEvent(t *testing.T, notices <-chan filewatch.Notice, path, round string) {
	t.Helper()
	for len(notices) > 0 {
		next(t, notices) // Late ones would be taken for those to come.
	}
	for i := range 200 {
		write(t, path, round+strconv.Itoa(i))
		if !next(t, notices).Polled {
			return
		}
	}
	t.Fatal("only polls notice changes")
}

func TestRead_saysWhatItFound(t *testing.T) {
	dir := t.TempDir()
	file, large := filepath.Join(dir, "f"), filepath.Join(dir, "large")
	write(t, file, "abc")
	write(t, large, strings.Repeat("x", filewatch.MaxBytes+1))

	got := filewatch.Read(file)
	const sha256ofABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if string(got.Bytes) != "abc" || got.Hash != sha256ofABC || got.Err != "" || got.Mark() != got.Hash {
		t.Errorf("got %+v with mark %q for a file with abc, want abc with its hash as its mark", got, got.Mark())
	}
	marks := map[string]string{}
	for name, path := range map[string]string{"missing": filepath.Join(dir, "none"), "a directory": dir, "too large": large} {
		c := filewatch.Read(path)
		if c.Bytes != nil || c.Hash != "" || !strings.Contains(c.Err, path) {
			t.Errorf("%s: got %d bytes, hash %q, error %q; want only an error that names it", name, len(c.Bytes), c.Hash, c.Err)
		}
		if other, twice := marks[c.Mark()]; twice || c.Mark() == "" {
			t.Errorf("%s has the same mark as %s: %q, want marks that differ", name, other, c.Mark())
		}
		marks[c.Mark()] = name
	}
}
