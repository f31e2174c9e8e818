package attach_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/attach"
	"gatehouse/internal/ownsocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway plays a gateway: it hands each conversation to serve.
type gateway struct {
	*attach.Server

	path string
}

// serveFunc serves one conversation.
type serveFunc func(ctx context.Context, h attach.Hello, in io.Reader, out io.Writer) error

var sockets struct {
	sync.Mutex

	n int
}

// newGateway starts one at a place. Close it, or it ends with the test.
func newGateway(t *testing.T, dir, shown string, serve serveFunc) *gateway {
	t.Helper()
	return gatewayWith(t, dir, attach.Options{
		Admit: func(int) error { return nil },
		Greet: func(attach.Hello) attach.Welcome { return attach.Welcome{Version: "1", Shown: shown} },
		Serve: func(ctx context.Context, h attach.Hello, s attach.Streams) error { return serve(ctx, h, s.In, s.Out) },
	})
}

// servesStreams starts a gateway that sees all ends of a conversation.
func servesStreams(t *testing.T, dir string, serve func(attach.Streams) error) *gateway {
	t.Helper()
	return gatewayWith(t, dir, attach.Options{
		Admit: func(int) error { return nil },
		Greet: func(attach.Hello) attach.Welcome { return attach.Welcome{Version: "1"} },
		Serve: func(_ context.Context, _ attach.Hello, s attach.Streams) error { return serve(s) },
	})
}

func gatewayWith(t *testing.T, dir string, opts attach.Options) *gateway {
	t.Helper()
	sockets.Lock()
	sockets.n++
	draft := fmt.Sprint(sockets.n)
	sockets.Unlock()
	s, err := ownsocket.Bind(t.Context(), dir, "gw", draft)
	if err != nil {
		t.Fatal(err)
	}
	opts.Log = slog.New(slog.DiscardHandler)
	g := &gateway{attach.Serve(s, opts), s.Path()}
	t.Cleanup(g.Close)
	return g
}

// folder is one for a socket: its path is short.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "att")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// errUnanswered is what a gateway's Serve returns that has not answered everything.
var errUnanswered = errors.New("something has no answer")

// lines serves a conversation line by line: each answers says goes back.
func lines(answer func(line string) string) serveFunc {
	return func(_ context.Context, _ attach.Hello, in io.Reader, out io.Writer) error {
		r := bufio.NewReaderSize(in, 1<<20)
		var owes error
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				a := answer(strings.TrimSuffix(line, "\n"))
				if a == "" {
					owes = errUnanswered
				} else {
					if _, err := io.WriteString(out, a+"\n"); err != nil {
						return err
					}
				}
			}
			if errors.Is(err, io.EOF) {
				return owes
			}
			if err != nil {
				return err
			}
		}
	}
}

// client is a client behind a relay.
type client struct {
	in    *io.PipeWriter
	out   *bufio.Reader
	ended chan error
	notes chan string
}

// newClient starts a relay that connects to the gateway in a folder.
func newClient(t *testing.T, dir string, wait time.Duration) *client {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{in: inW, out: bufio.NewReaderSize(outR, 1<<20), ended: make(chan error, 1), notes: make(chan string, 100)}
	r := attach.NewRelay(attach.RelayOptions{
		In: inR, Out: outW, Wait: wait, Note: func(s string) { c.notes <- s },
		Connect: func(ctx context.Context, _ *attach.Welcome) (*attach.Link, error) {
			return attach.Dial(ctx, dir+"/gw.sock", attach.Hello{Version: "1"})
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		c.ended <- r.Run(ctx)
		_ = outW.Close()
		_ = inR.Close()
	}()
	t.Cleanup(func() {
		_ = inW.Close()
		_ = outR.Close()
		cancel() // Also of one that waits for a gateway.
	})
	return c
}

func (c *client) say(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (c *client) want(t *testing.T, fragments ...string) string {
	t.Helper()
	got, err := c.out.ReadString('\n')
	for _, f := range fragments {
		if err != nil || !strings.Contains(got, f) {
			t.Fatalf("got %q, %v, want %q in it", got, err, f)
		}
	}
	return got
}

// idOf is the id of a request, as text.
func idOf(line string) string {
	_, rest, _ := strings.Cut(line, `"id":`)
	id, _, _ := strings.Cut(rest, ",")
	return id
}

// echo answers a request with its own line.
func echo(line string) string {
	if id := idOf(line); id != "" {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"got":%q}}`, id, line)
	}
	return ""
}

var _ net.Listener = (*ownsocket.Socket)(nil)
