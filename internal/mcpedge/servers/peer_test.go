package servers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

const goodInitialize = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},` +
	`"serverInfo":{"name":"odd","title":"Odd","version":"1","description":"An odd server"},"instructions":"Be odd."}`

// request is one message that the peer got.
type request struct {
	line   string
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  json.RawMessage
}

// peer is a server that does what a test tells it, line by line.
type peer struct {
	t   testing.TB
	in  *bufio.Reader
	raw io.ReadCloser
	out io.WriteCloser
}

// newPeer returns a server and the pipes to it.
func newPeer(tb testing.TB) (*peer, servers.Pipes) {
	tb.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	return newPeerOn(tb, inR, outW), servers.Pipes{Stdin: inW, Stdout: outR}
}

func newPeerOn(tb testing.TB, in io.ReadCloser, out io.WriteCloser) *peer {
	tb.Helper()
	p := &peer{t: tb, in: bufio.NewReaderSize(in, 64<<10), raw: in, out: out}
	tb.Cleanup(p.die)
	return p
}

// open opens a session with a peer that has answered the handshake.
func open(t testing.TB, opts servers.Options) (*servers.Stdio, *peer) {
	t.Helper()
	p, pipes := newPeer(t)
	return openOn(t, p, pipes, opts), p
}

// openOn opens a session of the older era.
func openOn(t testing.TB, p *peer, pipes servers.Pipes, opts servers.Options) *servers.Stdio {
	t.Helper()
	opts.Era = endpoint.EraInitialize
	shook := make(chan struct{})
	go func() {
		defer close(shook)
		p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, p.read().ID, goodInitialize)
		p.read()
	}()
	s, err := servers.OpenStdio(t.Context(), pipes, opts)
	if err != nil {
		t.Fatal(err)
	}
	await(t, shook)
	t.Cleanup(func() {
		s.Close(errors.New("the test is over"))
		await(t, s.Done())
	})
	return s
}

// read returns the next message; the zero value at the end.
func (p *peer) read() request {
	line, err := p.in.ReadString('\n')
	if err != nil {
		return request{}
	}
	r := request{line: line}
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		p.t.Errorf("the session wrote %q: %v", line, err)
	}
	return r
}

// write writes a line. It does not mind that nobody reads it.
func (p *peer) write(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}

// echo answers every request with its own params until the pipe closes.
func (p *peer) echo() {
	for r := p.read(); r.line != ""; r = p.read() {
		if r.ID != nil {
			p.write(`{"jsonrpc":"2.0","id":%s,"result":%s}`, r.ID, r.Params)
		}
	}
}

// die closes the peer's ends, as the end of a process does.
func (p *peer) die() {
	_ = p.out.Close()
	_ = p.raw.Close()
}

// outcome is what a call came to.
type outcome struct {
	res endpoint.Response
	err error
}

// call makes a call in a goroutine of its own.
func call(ctx context.Context, s endpoint.Session, req endpoint.Request) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		res, err := s.Call(ctx, req)
		done <- outcome{res, err}
	}()
	return done
}

func tool(params string) endpoint.Request {
	return endpoint.Request{Method: "tools/call", Params: json.RawMessage(params)}
}

// await waits for something that must happen.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// wantResult checks that a call ended with that result, byte for byte.
func wantResult(t testing.TB, o outcome, want string) {
	t.Helper()
	if o.err != nil || o.res.Error != nil {
		t.Fatalf("got error %v %s, want a result", o.err, o.res.Error)
	}
	if string(o.res.Result) != want {
		t.Fatalf("got result %s, want %s", o.res.Result, want)
	}
}

func isNotWritten(err error) bool {
	_, ok := errors.AsType[*endpoint.NotWritten](err)
	return ok
}
