package watcher_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"gatehouse/actors/watcher"
	"gatehouse/messages"
)

// These tests run against real files and real events. The quiet time is long
// so that a stall of the machine does not split a burst in two.
const (
	quiet   = time.Second
	maxWait = 5 * time.Minute
)

// place is a directory with a watched servers file and a watcher on it whose
// watches are known to be in place.
type place struct {
	*rig
	dir, file string
}

// watch writes the first content, starts the watcher, and waits for one
// change: after that the watches are there, so what a test does next is
// noticed by what it wants to test. layout, if set, prepares the file.
func watch(t *testing.T, layout func(t *testing.T, dir, file string)) *place {
	t.Helper()
	root := t.TempDir()
	p := &place{dir: filepath.Join(root, "conf")}
	p.file = filepath.Join(p.dir, ".mcp.json")
	mkdir(t, p.dir)
	if layout == nil {
		layout = func(t *testing.T, _, file string) { write(t, file, "first") }
	}
	layout(t, p.dir, p.file)
	cfg := watcher.Config{
		Files:    []watcher.File{{Role: messages.RoleServers, Path: p.file, Mark: hash("first")}},
		Debounce: quiet, MaxWait: maxWait, Poll: time.Hour,
	}
	if runtime.GOOS != "linux" {
		cfg.Poll = 0 // Elsewhere not every replaced directory makes an event.
	}
	p.rig = start(t, cfg)
	write(t, p.file, "warm")
	p.expect(t, "warm")
	return p
}

// changed is watch and then a change that the machine did not stall in: it would be
// no burst.
func changed(t *testing.T, layout, change func(t *testing.T, dir, file string)) *place {
	t.Helper()
	for range 5 {
		p := watch(t, layout)
		begun := time.Now()
		change(t, p.dir, p.file)
		if time.Since(begun) < quiet/2 {
			return p
		}
	}
	t.Skip("five times this machine stalled in a change")
	return nil
}

// expect takes the next change, which must have this content: any other one
// would mean a half-written file or a burst in several parts.
func (p *place) expect(t *testing.T, content string) {
	t.Helper()
	if got := p.change(t); string(got.Content) != content || got.Err != "" {
		t.Fatalf("got content %q, error %q; want content %q", got.Content, got.Err, content)
	}
}

// settled checks that nothing but what was expected has come: after a forced
// look the forced message is the next.
func (p *place) settled(t *testing.T, content string) {
	t.Helper()
	p.tell(messages.Rescan{Trigger: messages.TriggerReload})
	if got := p.change(t); !got.Forced || string(got.Content) != content {
		t.Errorf("got %v with content %q, want the forced message with %q", got, got.Content, content)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("no symbolic links here:", err)
		}
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// swapLink puts a new symbolic link in the place of another in one step.
func swapLink(t *testing.T, target, link string) {
	t.Helper()
	symlink(t, target, link+".tmp")
	must(t, os.Rename(link+".tmp", link))
}

// kubernetes lays a file out as a ConfigMap volume does.
func kubernetes(t *testing.T, dir, file string) {
	mkdir(t, filepath.Join(dir, "..v1"))
	write(t, filepath.Join(dir, "..v1", filepath.Base(file)), "first")
	symlink(t, "..v1", filepath.Join(dir, "..data"))
	symlink(t, filepath.Join("..data", filepath.Base(file)), file)
}

func TestWatcher_everyWayOfWriting_isOneChange(t *testing.T) {
	cases := map[string]struct {
		layout func(t *testing.T, dir, file string)
		change func(t *testing.T, dir, file string)
	}{
		"written in place": {change: func(t *testing.T, _, file string) {
			write(t, file, "second")
		}},
		"written in place in several chunks": {change: func(t *testing.T, _, file string) {
			f, err := os.Create(file)
			must(t, err)
			defer f.Close()
			for _, chunk := range []string{"se", "co", "nd"} {
				_, err := f.WriteString(chunk)
				must(t, err)
				must(t, f.Sync())
			}
		}},
		"written a hundred times": {change: func(t *testing.T, _, file string) {
			for i := range 99 {
				write(t, file, fmt.Sprint("version ", i))
			}
			write(t, file, "second")
		}},
		"replaced by rename": {change: func(t *testing.T, _, file string) {
			write(t, file+".tmp", "second")
			must(t, os.Rename(file+".tmp", file))
		}},
		"moved to a backup and written anew": {change: func(t *testing.T, _, file string) {
			must(t, os.Rename(file, file+"~"))
			write(t, file, "second")
		}},
		"deleted and created": {change: func(t *testing.T, _, file string) {
			must(t, os.Remove(file))
			write(t, file, "second")
		}},
		"a symbolic link that is swapped": {
			layout: func(t *testing.T, dir, file string) {
				write(t, filepath.Join(dir, "one"), "first")
				symlink(t, "one", file)
			},
			change: func(t *testing.T, dir, file string) {
				write(t, filepath.Join(dir, "two"), "second")
				swapLink(t, "two", file)
			},
		},
		"a Kubernetes volume that is swapped": {
			layout: kubernetes,
			change: func(t *testing.T, dir, file string) {
				mkdir(t, filepath.Join(dir, "..v2"))
				write(t, filepath.Join(dir, "..v2", filepath.Base(file)), "second")
				swapLink(t, "..v2", filepath.Join(dir, "..data"))
				must(t, os.RemoveAll(filepath.Join(dir, "..v1")))
			},
		},
		"a link to a file outside of the directory": {
			layout: func(t *testing.T, dir, file string) {
				mkdir(t, dir+".outside")
				write(t, filepath.Join(dir+".outside", "real"), "first")
				symlink(t, filepath.Join(dir+".outside", "real"), file)
			},
			change: func(t *testing.T, dir, _ string) {
				write(t, filepath.Join(dir+".outside", "real"), "second")
			},
		},
		"a directory that is a link which is swapped": {
			layout: func(t *testing.T, dir, file string) {
				must(t, os.Remove(dir))
				mkdir(t, dir+".1")
				symlink(t, dir+".1", dir)
				write(t, file, "first")
			},
			change: func(t *testing.T, dir, file string) {
				mkdir(t, dir+".2")
				write(t, filepath.Join(dir+".2", filepath.Base(file)), "second")
				swapLink(t, dir+".2", dir)
			},
		},
		"a directory that is renamed away and replaced": {change: func(t *testing.T, dir, file string) {
			mkdir(t, dir+".new")
			write(t, filepath.Join(dir+".new", filepath.Base(file)), "second")
			must(t, os.Rename(dir, dir+".old"))
			must(t, os.Rename(dir+".new", dir))
		}},
		"a directory that is removed and made anew": {change: func(t *testing.T, dir, file string) {
			must(t, os.RemoveAll(dir))
			mkdir(t, dir)
			write(t, file, "second")
		}},
	}
	tests := map[string]func(t *testing.T){}
	for name, tc := range cases {
		tests[name] = func(t *testing.T) {
			p := changed(t, tc.layout, tc.change)
			p.expect(t, "second")
			p.settled(t, "second")
			write(t, p.file, "third") // It goes on, whatever has been replaced.
			p.expect(t, "third")
		}
	}
	together(t, tests)
}

func TestWatcher_onRealFiles(t *testing.T) {
	together(t, map[string]func(t *testing.T){
		"a Kubernetes volume may be swapped again and again":   kubernetesVolumeSwappedAgainAndAgain,
		"other files in the directory are no change":           otherFilesInTheDirectoryAreNoChange,
		"a file that was only touched is no change":            touchedFileIsNoChange,
		"a deleted file is reported and comes back":            deletedFileIsReportedAndComesBack,
		"what is no regular file is reported":                  fileThatIsNoFileIsReported,
		"a file too large is reported without its content":     fileTooLargeIsReportedWithoutItsContent,
		"a file and directories that appear later are noticed": fileAndDirectoriesThatAppearLaterAreNoticed,
		"a change before the watch begins is noticed":          changeBeforeTheWatchBeginsIsNoticed,
		"content that is loaded already is not sent":           contentThatIsLoadedAlreadyIsNotSent,
		"a mount without events is polled":                     mountWithoutEventsIsPolled,
	})
}

// together runs tests that mostly wait at the same time; t.Parallel would
// run only as many as there are processors.
func together(t *testing.T, tests map[string]func(t *testing.T)) {
	t.Helper()
	var all sync.WaitGroup
	for name, test := range tests {
		all.Go(func() { t.Run(name, test) })
	}
	all.Wait()
}

func kubernetesVolumeSwappedAgainAndAgain(t *testing.T) {
	p := watch(t, kubernetes)
	for i := 2; i < 5; i++ {
		version, content := fmt.Sprintf("..v%d", i), fmt.Sprint("content ", i)
		mkdir(t, filepath.Join(p.dir, version))
		write(t, filepath.Join(p.dir, version, filepath.Base(p.file)), content)
		swapLink(t, version, filepath.Join(p.dir, "..data"))
		must(t, os.RemoveAll(filepath.Join(p.dir, fmt.Sprintf("..v%d", i-1))))
		p.expect(t, content)
	}
}

func otherFilesInTheDirectoryAreNoChange(t *testing.T) {
	p := watch(t, nil)
	for i := range 50 {
		write(t, filepath.Join(p.dir, fmt.Sprint("other", i)), "noise")
	}
	must(t, os.Remove(filepath.Join(p.dir, "other0")))
	must(t, os.Rename(filepath.Join(p.dir, "other1"), filepath.Join(p.dir, ".mcp.json.bak")))
	write(t, p.file, "second")
	p.expect(t, "second")
	p.settled(t, "second")
}

func touchedFileIsNoChange(t *testing.T) {
	p := watch(t, nil)
	write(t, p.file, "warm")
	must(t, os.Chtimes(p.file, time.Now(), time.Now()))
	p.settled(t, "warm")
	write(t, p.file, "second")
	p.expect(t, "second")
}

func deletedFileIsReportedAndComesBack(t *testing.T) {
	p := watch(t, nil)
	must(t, os.Remove(p.file))
	if got := p.change(t); got.Err == "" || got.Hash != "" || got.Content != nil {
		t.Errorf("got %v, want only an error", got)
	}
	write(t, p.file, "warm")
	p.expect(t, "warm")
}

func fileThatIsNoFileIsReported(t *testing.T) {
	p := watch(t, nil)
	must(t, os.Remove(p.file))
	mkdir(t, p.file)
	if got := p.change(t); got.Err == "" {
		t.Errorf("got %v, want an error", got)
	}
	must(t, os.Remove(p.file))
	write(t, p.file, "second")
	p.expect(t, "second")
}

func fileTooLargeIsReportedWithoutItsContent(t *testing.T) {
	p := watch(t, nil)
	must(t, os.Truncate(p.file, 4<<20+1))
	if got := p.change(t); got.Err == "" || got.Content != nil {
		t.Errorf("got %v with %d bytes, want only an error", got, len(got.Content))
	}
}

func fileAndDirectoriesThatAppearLaterAreNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	file := filepath.Join(dir, "later.env")
	p := &place{dir: dir, file: file, rig: start(t, watcher.Config{
		Files:    []watcher.File{{Role: messages.RoleEnv, Path: file}},
		Debounce: quiet, MaxWait: maxWait, Poll: time.Hour,
	})}
	if got := p.change(t); got.Err == "" {
		t.Fatalf("got %v, want an error", got)
	}
	must(t, os.MkdirAll(dir, 0o700))
	write(t, file, "here")
	p.expect(t, "here")
}

func changeBeforeTheWatchBeginsIsNoticed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	write(t, file, "changed since it was loaded")
	p := &place{file: file, rig: start(t, watcher.Config{
		Files:    []watcher.File{{Role: messages.RoleRules, Path: file, Mark: hash("what was loaded")}},
		Debounce: quiet, MaxWait: maxWait, Poll: time.Hour,
	})}
	p.expect(t, "changed since it was loaded")
}

func contentThatIsLoadedAlreadyIsNotSent(t *testing.T) {
	p := watch(t, nil) // Its first change would be "first" otherwise.
	p.settled(t, "warm")
}

func TestWatcher_relativePath_isReportedAsGiven(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "f", "first")
	r := start(t, watcher.Config{
		Files:    []watcher.File{{Role: messages.RoleRules, Path: "f", Mark: hash("first")}},
		Debounce: quiet, MaxWait: maxWait,
	})
	write(t, "f", "second")
	if got := r.change(t); got.Path != "f" || string(got.Content) != "second" {
		t.Errorf("got %v with %q, want path f with the second content", got, got.Content)
	}
}

func mountWithoutEventsIsPolled(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	write(t, file, "first")
	p := &place{dir: dir, file: file, rig: start(t, watcher.Config{
		Files:    []watcher.File{{Role: messages.RoleServers, Path: file, Mark: hash("first")}},
		Debounce: quiet, MaxWait: maxWait, Poll: 50 * time.Millisecond, NoEvents: true,
	})}
	write(t, file, "other")
	got := p.change(t)
	if string(got.Content) != "other" || got.Trigger != messages.TriggerPoll {
		t.Errorf("got %v with %q, want the other content by poll", got, got.Content)
	}
	must(t, os.Remove(file))
	if got := p.change(t); got.Err == "" {
		t.Errorf("got %v, want an error", got)
	}
	write(t, file, "again")
	p.expect(t, "again")
	p.settled(t, "again")
}
