package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// cancelledGrace is how long a call may take to answer after it was cancelled
// because its conversation ends.
const cancelledGrace = 500 * time.Millisecond

// ServeStdio serves one conversation: messages of one line each from in,
// answers to out, and nothing else to out. It blocks until one of these:
//
//   - in ends: the calls that run are answered, for at most DrainTimeout; those
//     that remain are cancelled and have half a second to answer. It gives nil.
//   - ctx ends: the calls are cancelled and have half a second to answer. It
//     gives the cause of ctx.
//   - reading or writing fails: likewise, and it gives that error.
//
// A blocked read cannot be interrupted: if in is not at its end when ServeStdio
// returns, the goroutine that reads it stays until in gives something or is
// closed, which is the caller's business; so does a goroutine that writes to a
// client that does not read. Conversations share nothing, so several may be
// served at once.
func (f *Front) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	c := f.newStdioConn(ctx, out)
	defer c.cancel(nil)
	stuck, end := c.read(in)
	switch {
	case errors.Is(end, io.EOF):
		c.drain(f.opts.DrainTimeout)
		end = nil
	case !stuck:
		c.drain(0)
	}
	if broken := c.broken.Load(); broken != nil {
		return *broken
	}
	return end
}

// stdioConn is one conversation over stdio.
type stdioConn struct {
	front  *Front
	peer   *peer
	ctx    context.Context // of the conversation: ends with it
	cancel context.CancelCauseFunc
	calls  sync.WaitGroup

	writing sync.Mutex // held while a message is written, however long
	out     io.Writer
	broken  atomic.Pointer[error] // what ended the output
}

func (f *Front) newStdioConn(ctx context.Context, out io.Writer) *stdioConn {
	ctx, cancel := context.WithCancelCause(ctx)
	name := fmt.Sprintf("stdio-%d", f.stdios.Add(1))
	return &stdioConn{front: f, peer: &peer{session: name}, ctx: ctx, cancel: cancel, out: out}
}

// read runs the read loop until it ends. If ctx ends while the loop writes to
// a client that does not read, it is left behind, stuck.
func (c *stdioConn) read(in io.Reader) (stuck bool, end error) {
	done := make(chan error, 1)
	go func() { done <- c.readLoop(in) }()
	select {
	case end = <-done:
		return false, end
	case <-c.ctx.Done():
	}
	select {
	case end = <-done:
		return false, end
	case <-time.After(cancelledGrace):
		return true, context.Cause(c.ctx)
	}
}

// readLoop handles lines until there are no more, and says why.
func (c *stdioConn) readLoop(in io.Reader) error {
	lines := make(chan line)
	go func() {
		reader := newLineReader(in, c.front.opts.MaxMessageBytes)
		for {
			l := reader.next()
			select {
			case lines <- l:
			case <-c.ctx.Done():
				return
			}
			if l.err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		case l := <-lines:
			if errors.Is(l.err, io.EOF) {
				return io.EOF
			}
			if l.err != nil {
				return fmt.Errorf("cannot read from the agent: %w", l.err)
			}
			c.handle(l)
		}
	}
}

// handle serves a line. Only calls and batches leave the read loop: the rest
// is quick, and initialize must be done before what follows it.
func (c *stdioConn) handle(l line) {
	switch {
	case l.tooLong:
		text := fmt.Sprintf("this message has more than %d bytes", c.front.opts.MaxMessageBytes)
		c.answer(failureAnswer(l.id, invalid(text)))
		return
	case len(l.data) == 0:
		return
	case isBatch(l.data):
		c.begin(func() answer {
			return c.front.serveBatch(c.ctx, c.peer, l.data, c.write)
		}, func(why error) answer { return refusal(message{}, why) })
		return
	}
	if r, lane := c.front.laneOverStdio(l.data); lane {
		c.beginCall(r)
		return
	}
	m, failure := parseMessage(l.data)
	if failure != nil {
		c.answer(failureAnswer(m.id, failure))
		return
	}
	if m.isRequest() && m.method == string(mcp.MethodToolsCall) {
		c.begin(func() answer {
			return c.front.serve(c.ctx, c.peer, m, c.write)
		}, func(why error) answer { return refusal(m, why) })
		return
	}
	c.answer(c.front.serve(c.ctx, c.peer, m, c.write))
}

// beginCall is begin for a call in the fast lane.
func (c *stdioConn) beginCall(r toolRequest) {
	c.begin(func() answer {
		return c.front.serveLane(c.ctx, c.peer, r, c.write)
	}, func(why error) answer { return toolRefusal(r.id, r.protocol(), why) })
}

// begin runs work on a goroutine of its own, or refuses it.
func (c *stdioConn) begin(work func() answer, refusal func(error) answer) {
	if err := c.front.work.hold(); err != nil {
		c.answer(refusal(err))
		return
	}
	c.calls.Go(func() {
		defer c.front.work.release()
		c.answer(work())
	})
}

func (c *stdioConn) answer(a answer) {
	if !a.none() {
		a.body = c.send(a.body)
		a.free()
	}
}

// write sends one message.
func (c *stdioConn) write(body []byte) {
	c.send(append(make([]byte, 0, len(body)+1), body...))
}

// send sends one message, to which it may append, and gives it back. The first
// failure ends the conversation.
func (c *stdioConn) send(body []byte) []byte {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.broken.Load() != nil {
		return body
	}
	body = append(body, '\n')
	if _, err := c.out.Write(body); err != nil {
		broken := fmt.Errorf("cannot write to the agent: %w", err)
		c.broken.Store(&broken)
		c.cancel(broken)
	}
	return body
}

// drain waits for the running calls, then cancels and waits a little more.
func (c *stdioConn) drain(patience time.Duration) {
	idle := make(chan struct{})
	go func() {
		c.calls.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return
	case <-c.ctx.Done():
	case <-time.After(patience):
	}
	c.cancel(errClosed)
	select {
	case <-idle:
	case <-time.After(cancelledGrace):
		c.front.log.Warn("calls abandoned at the end of a conversation", slog.String("session", c.peer.session))
	}
}
