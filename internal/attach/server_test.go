package attach_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/attach"
	"gatehouse/internal/ownsocket"
)

func TestServe_whoMayNotAttach_isRefused(t *testing.T) {
	for name, opts := range map[string]attach.Options{
		"a process below the gateway": {Admit: func(int) error { return errors.New("not you") }},
		"one that does not fit": {
			Admit: func(int) error { return nil },
			Greet: func(attach.Hello) attach.Welcome { return attach.Welcome{Error: "not you"} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			opts.Serve = func(context.Context, attach.Hello, attach.Streams) error {
				t.Error("it was served, want it refused")
				return nil
			}
			g := gatewayWith(t, dir, opts)
			_, err := attach.Dial(t.Context(), g.path, attach.Hello{})
			if refused, ok := errors.AsType[*attach.Refused](err); !ok || !strings.Contains(refused.Error(), "not you") {
				t.Errorf("got %v, want the reason", err)
			}
		})
	}
}

// A relay that dies without a word is not one whose client's input has ended.
func TestServe_relayGone_isAnErrorOfTheInput(t *testing.T) {
	dir := folder(t)
	ended := make(chan error, 1)
	g := newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, _ io.Writer) error {
		_, err := io.ReadAll(in)
		ended <- err
		return err
	})
	l, err := attach.Dial(t.Context(), g.path, attach.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Conn.Close()
	if err := <-ended; err == nil {
		t.Error("got no error, want one: calls must be cancelled")
	}
}

func TestServe_hurry_cancelsWhatRuns(t *testing.T) {
	dir := folder(t)
	ended := make(chan struct{})
	g := newGateway(t, dir, "", func(ctx context.Context, _ attach.Hello, in io.Reader, _ io.Writer) error {
		_, _ = io.ReadAll(in)
		<-ctx.Done()
		close(ended)
		return nil
	})
	l, err := attach.Dial(t.Context(), g.path, attach.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Conn.Close()
	if _, err := io.WriteString(l.Conn, "x\n\x00eof\n\x00later\n\x00hurry\n"); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// A gateway may begin to end while a client is still being greeted. The client hears
// the welcome first and the pause behind it, so it waits for the next gateway.
func TestPause_whileAClientIsGreeted_comesBehindTheWelcome(t *testing.T) {
	dir := folder(t)
	var g *gateway
	begun := make(chan struct{})
	g = gatewayWith(t, dir, attach.Options{
		Admit: func(int) error { return nil },
		Greet: func(attach.Hello) attach.Welcome {
			<-begun // g is set.
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			g.Pause(ctx)
			return attach.Welcome{Version: "1"}
		},
		Serve: func(_ context.Context, _ attach.Hello, s attach.Streams) error {
			_, err := io.ReadAll(s.In)
			return err
		},
	})
	close(begun)
	l, err := attach.Dial(t.Context(), g.path, attach.Hello{})
	if err != nil {
		t.Fatalf("got %v, want a gateway that then pauses", err)
	}
	defer l.Conn.Close()
	if _, err := io.WriteString(l.Conn, "\x00paused\n"); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(attach.Rest(l))
	if want := "\x00pause\n\x00done\n"; err != nil || string(rest) != want {
		t.Errorf("behind the welcome: got %q, %v, want %q", rest, err, want)
	}
}

// Who has gone needs no pause: the gateway does not wait for it.
func TestPause_whoLeftBeforeItWasGreeted_isNotWaitedFor(t *testing.T) {
	dir := folder(t)
	greeting, greet := make(chan struct{}), make(chan struct{})
	g := gatewayWith(t, dir, attach.Options{
		Admit: func(int) error { return nil },
		Greet: func(attach.Hello) attach.Welcome {
			close(greeting)
			<-greet
			return attach.Welcome{Error: "not you"}
		},
	})
	refused := make(chan error, 1)
	go func() {
		_, err := attach.Dial(context.Background(), g.path, attach.Hello{})
		refused <- err
	}()
	<-greeting
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go close(greet)
	g.Pause(ctx)
	if ctx.Err() != nil {
		t.Error("got a pause that waits to its deadline, want it to end with the last client")
	}
	<-refused
}

func TestAwaitIdle_isWhenNobodyHasBeenAttachedForThatLong(t *testing.T) {
	dir := folder(t)
	g := newGateway(t, dir, "", func(_ context.Context, _ attach.Hello, in io.Reader, _ io.Writer) error {
		_, err := io.ReadAll(in)
		return err
	})
	l, err := attach.Dial(t.Context(), g.path, attach.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if g.AwaitIdle(ctx, time.Millisecond) {
		t.Error("got idle while a client is attached, want that it is not")
	}
	_ = l.Conn.Close()
	if !g.AwaitIdle(t.Context(), time.Millisecond) {
		t.Error("got not idle, want idle")
	}
	if _, err := attach.Dial(t.Context(), g.path, attach.Hello{}); !errors.Is(err, attach.ErrNobody) {
		t.Errorf("one that comes after: got %v, want that nobody is there", err)
	}
}

// What is no gateway for attach is told from one that is gone.
func TestDial_whoIsNoGateway(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "x.sock")
	if _, err := attach.Dial(t.Context(), path, attach.Hello{}); !errors.Is(err, attach.ErrNobody) {
		t.Errorf("no socket: got %v, want ErrNobody", err)
	}
	l, err := ownsocket.Bind(t.Context(), dir, "x", "draft")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\n")
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	_, err = attach.Dial(t.Context(), path, attach.Hello{})
	if _, refused := errors.AsType[*attach.Refused](err); !refused {
		t.Errorf("another program: got %v, want it refused", err)
	}
}

func TestLock_oneHasIt_theNextGetsItAfterwards(t *testing.T) {
	p := attach.PlaceOf(folder(t), attach.Files{Servers: "/a", Rules: "/b"})
	first, err := p.LockLife()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.LockLife(); !errors.Is(err, attach.ErrTaken) {
		t.Errorf("a second one: got %v, want ErrTaken", err)
	}
	got := make(chan error, 1)
	go func() {
		l, err := p.AwaitLife(context.Background(), func(context.Context) bool { return false })
		if err == nil {
			l.Release()
		}
		got <- err
	}()
	first.Release()
	if err := <-got; err != nil {
		t.Errorf("one that waited: got %v, want the lock", err)
	}
	if other := attach.PlaceOf(p.Dir, attach.Files{Servers: "/a", Rules: "/c"}); other == p {
		t.Error("other files have the same place, want another one")
	}
}

func TestSweep_removesWhatKilledGatewaysLeft(t *testing.T) {
	dir := folder(t)
	alive, starting := attach.PlaceOf(dir, attach.Files{Servers: "/a"}), attach.PlaceOf(dir, attach.Files{Servers: "/c"})
	l, err := alive.LockLife()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	s, err := starting.LockStart()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	dead, killedStarter := attach.PlaceOf(dir, attach.Files{Servers: "/b"}), attach.PlaceOf(dir, attach.Files{Servers: "/d"})
	for _, name := range []string{
		dead.Name + ".lock", dead.Name + ".start", dead.Name + ".sock", dead.Name + ".log", alive.Name + ".sock",
		killedStarter.Name + ".start", "1234.sock",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	deadSocket(t, filepath.Join(dir, ".1234.new"))
	attach.Sweep(t.Context(), dir)
	wantFiles(t, dir, alive.Name+".lock", alive.Name+".sock", dead.Name+".log", starting.Name+".start", "1234.sock")
}

// Long paths have stand-ins in the temporary folder, which all gateways of a user
// share. Whoever comes next removes those that nobody uses.
func TestSweep_removesStandInsThatNobodyUses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no path is too long there")
	}
	temp := folder(t)
	standIn := func(name string) string {
		dir := filepath.Join(temp, fmt.Sprintf("gatehouse-%d-%s", os.Getuid(), name))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	long := time.Now().Add(-time.Hour)
	place := func(dir string) attach.Place { return attach.PlaceOf(dir, attach.Files{Servers: "/a"}) }
	leave := func(dir string) {
		t.Helper()
		for _, end := range []string{".lock", ".start", ".sock"} {
			if err := os.WriteFile(filepath.Join(dir, place(dir).Name+end), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	own, dead, fresh, open, used := standIn("own"), standIn("dead"), standIn("fresh"), standIn("open"), standIn("used")
	empty := standIn("empty") // An operator's socket may be about to come there.
	elsewhere := filepath.Join(temp, "elsewhere")
	if err := os.Mkdir(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dead, fresh, open, elsewhere} {
		leave(dir)
	}
	if err := os.Symlink(elsewhere, filepath.Join(temp, fmt.Sprintf("gatehouse-%d-link", os.Getuid()))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := place(used).LockLife()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	for _, dir := range []string{own, dead, open, used, empty, elsewhere} {
		if err := os.Chtimes(dir, long, long); err != nil {
			t.Fatal(err)
		}
	}
	attach.Sweep(t.Context(), own)
	name := func(dir string) string { return filepath.Base(dir) }
	wantFiles(t, temp, name(own), name(empty), name(fresh), name(open), name(used), name(elsewhere), fmt.Sprintf("gatehouse-%d-link", os.Getuid()))
	for _, dir := range []string{fresh, open, elsewhere} {
		n := place(dir).Name
		wantFiles(t, dir, n+".lock", n+".sock", n+".start")
	}
	wantFiles(t, used, place(used).Name+".lock")
}

// The files of a gateway may be gone for good, and its log would stay for ever.
func TestSweepLogs_removesWhatNoGatewayHasWrittenToForAMonth(t *testing.T) {
	dir, sockets := folder(t), folder(t)
	names := map[string]string{}
	for _, file := range []string{"old", "new", "alive"} {
		names[file] = attach.PlaceOf(sockets, attach.Files{Servers: file}).Name
	}
	long := time.Now().Add(-31 * 24 * time.Hour)
	for _, name := range []string{names["old"] + ".log", names["old"] + ".log.1", names["new"] + ".log", names["alive"] + ".log", "other.log"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != names["new"]+".log" {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	l, err := attach.PlaceOf(sockets, attach.Files{Servers: "alive"}).LockLife()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	attach.SweepLogs(dir, sockets)
	wantFiles(t, dir, names["new"]+".log", names["alive"]+".log", "other.log")
	wantFiles(t, sockets, names["alive"]+".lock")
}

// A folder may be swept between the moment that somebody makes sure of it and the one
// in which he takes a lock in it.
func TestLock_folderSweptMeanwhile_isMadeAgain(t *testing.T) {
	dir := filepath.Join(folder(t), "sockets")
	l, err := attach.PlaceOf(dir, attach.Files{Servers: "/a"}).LockStart()
	if err != nil {
		t.Fatalf("got %v, want the lock", err)
	}
	l.Release()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 && runtime.GOOS != "windows" {
		t.Errorf("got %v, %v, want a folder of the user's alone", info, err)
	}
}

// deadSocket makes a socket that was being made long ago and that nobody listens on.
func deadSocket(t *testing.T, path string) {
	t.Helper()
	s, err := ownsocket.Bind(t.Context(), filepath.Dir(path), "dead", "draft")
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(s.Listener.Close(), os.Rename(s.Path(), path), os.Chtimes(path, long, long)); err != nil {
		t.Fatal(err)
	}
}

// wantFiles checks what there is in a folder.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("in %s: got %v, want %v", filepath.Base(dir), got, want)
	}
}
