//go:build unix

package attach_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/attach"
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
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
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
	alive := attach.PlaceOf(dir, attach.Files{Servers: "/a"})
	l, err := alive.LockLife()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	dead := attach.PlaceOf(dir, attach.Files{Servers: "/b"})
	for _, name := range []string{dead.Name + ".lock", dead.Name + ".start", dead.Name + ".sock", dead.Name + ".log", alive.Name + ".sock"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	attach.Sweep(dir)
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	want := []string{filepath.Join(dir, alive.Name+".lock"), filepath.Join(dir, alive.Name+".sock"), filepath.Join(dir, dead.Name+".log")}
	slices.Sort(want)
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("got %v, %v, want %v", left, err, want)
	}
}
