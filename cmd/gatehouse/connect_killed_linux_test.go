package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/testkit"
)

// writings counts what happens to the files of folders.
type writings struct{ file *os.File }

func watchWritings(t *testing.T, dirs ...string) writings {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "inotify")
	t.Cleanup(func() { _ = file.Close() }) // It was only read.
	for _, dir := range dirs {
		if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_CLOSE_WRITE|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
			t.Fatal(err)
		}
	}
	return writings{file}
}

// await returns once so much has happened, or the file is closed.
func (w writings) await(n int) {
	buf := make([]byte, 64<<10)
	for n > 0 {
		got, err := w.file.Read(buf)
		if err != nil {
			return
		}
		n -= eventsIn(buf[:got])
	}
}

func eventsIn(read []byte) (n int) {
	for at := 0; at < len(read); n++ {
		at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(read[at+12:]))
	}
	return n
}

// soFar is how much has happened by now, all of which waits to be read.
func (w writings) soFar(t *testing.T) (happened int) {
	t.Helper()
	conn, err := w.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	err = conn.Read(func(fd uintptr) bool {
		for {
			got, err := unix.Read(int(fd), buf)
			if err != nil || got <= 0 {
				return true // There is no more.
			}
			happened += eventsIn(buf[:got])
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return happened
}

// whole runs a command to its end, and returns how often that has written.
func whole(t *testing.T, home string, args ...string) int {
	t.Helper()
	w := watchWritings(t, filepath.Join(home, ".cursor"), filepath.Join(home, connections))
	cmd := command(t, append(os.Environ(), testkit.AsGateway()...), args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: got %v, want it to work", args, err)
	}
	n := w.soFar(t)
	if n == 0 {
		t.Fatalf("%q: got nothing written, want something", args)
	}
	return n
}

// killedInTheMiddle runs a command and kills it once it has written so often, if it has not
// ended before.
func killedInTheMiddle(t *testing.T, home string, n int, args ...string) {
	t.Helper()
	w := watchWritings(t, filepath.Join(home, ".cursor"), filepath.Join(home, connections))
	cmd := command(t, append(os.Environ(), testkit.AsGateway()...), args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{})
	go func() { // Ends with the file of w.
		defer close(reached)
		w.await(n)
		_ = cmd.Process.Kill() // It may have ended.
	}()
	_ = cmd.Wait()     // It was killed, or has ended before.
	_ = w.file.Close() // It was only read.
	<-reached
}

// withoutDrafts is left without the drafts of a command that was killed, which a later one removes.
func withoutDrafts(t *testing.T, home, path string) map[string]string {
	t.Helper()
	files := left(t, home, path)
	for name := range files {
		if strings.HasPrefix(filepath.Base(name), ".") && strings.Contains(name, ".gatehouse-") {
			delete(files, name)
		}
	}
	return files
}

// Wherever the system kills the process, the program's file is as it was or as it was to
// be, and can be brought back to the byte.
func TestConnect_killedInTheMiddle_leavesTheFileWholeAndCanBeTakenBack(t *testing.T) {
	files := ofCursor(t)
	for _, c := range []struct {
		name    string
		existed bool
		before  []string // a command
		args    []string
	}{
		{"connect", true, nil, []string{"connect", "cursor", "--replace"}},
		{"connect, without a file", false, nil, []string{"connect", "cursor"}},
		{"connect for another agent", true, []string{"connect", "cursor", "--replace"}, []string{"connect", "cursor", "--agent", "codex"}},
		{"disconnect", true, []string{"connect", "cursor", "--replace"}, []string{"disconnect", "cursor"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// begin is a home in which the command is still to be run, and what its file is.
			begin := func() (home, path, was string) {
				home, path = inCursor(t, files, c.existed)
				for _, dir := range []string{".cursor", connections} {
					if err := os.MkdirAll(filepath.Join(home, dir), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				if c.before != nil {
					atHome(t, c.before...).want(t, exitFine)
				}
				return home, path, withoutDrafts(t, home, path)[strings.TrimPrefix(path, home)]
			}
			home, path, _ := begin()
			times := whole(t, home, c.args...)
			done := withoutDrafts(t, home, path)[strings.TrimPrefix(path, home)]
			atHome(t, "connect", "cursor").want(t, exitFine)
			atHome(t, "disconnect", "cursor").want(t, exitFine, "as it was")
			apart := withoutDrafts(t, home, path)
			stride := 1
			if testing.Short() {
				stride = 5
			}
			for n := 1; n <= times; n += stride {
				home, path, was := begin()
				killedInTheMiddle(t, home, n, c.args...)
				if now := withoutDrafts(t, home, path)[strings.TrimPrefix(path, home)]; now != was && now != done {
					t.Errorf("killed at the %dth time: got\n%q\nwant\n%q\nor\n%q", n, now, was, done)
				}
				if n%2 == 0 {
					atHome(t, "connect", "cursor").want(t, exitFine)
				}
				r := atHome(t, "disconnect", "cursor")
				same(t, n, "disconnect: "+r.out+r.err, withoutDrafts(t, home, path), apart)
			}
		})
	}
}
