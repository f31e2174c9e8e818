package attach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"gatehouse/internal/ownsocket"
)

const (
	// maxConversations is how many may be connected at one time, if Options name no number.
	maxConversations = 1024
	// helloPatience is how long a connection may take to say who it is.
	helloPatience = 5 * time.Second
)

// Options are what a Server needs.
type Options struct {
	Log *slog.Logger
	// Admit returns why a process may not attach; nil if it may. pid is 0 if it is
	// not known. It must not block.
	Admit func(pid int) error
	// Greet judges who wants to attach. A Welcome with an Error refuses it.
	Greet func(Hello) Welcome
	// Serve serves one conversation and blocks until it has ended. The end of ctx
	// must end it soon. It returns nil if it has answered all that it read.
	Serve func(ctx context.Context, h Hello, s Streams) error
	// Most is how many may be connected at one time, clients and who only looks at the
	// socket; 0 is for 1024.
	Most int
}

// Streams are the ends of a conversation at the gateway.
type Streams struct {
	In  io.Reader
	Out io.Writer
	// Late has the cancellations that come after the end of In, each a line: of calls
	// that a gateway still runs while the next one is awaited.
	Late <-chan []byte
}

// Server is the gateway's end: it serves any number of conversations. Its methods
// may be called from any goroutine.
type Server struct {
	opts Options
	l    net.Listener
	ctx  context.Context //nolint:containedctx // That of all conversations; Close ends it.
	stop context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	closing bool
	talks   map[*talk]struct{}

	attached int           // the talks that are clients'
	idle     time.Time     // since when nobody is attached
	changed  chan struct{} // closed when somebody comes or goes
}

// talk is one conversation.
type talk struct {
	conn    net.Conn
	out     *outlet
	paused  chan struct{} // closed when the relay sends no more
	pause   func()        // closes paused, once
	greeted bool          // it is a client's, not somebody's look at the socket; under the server's lock
}

// newTalk is one that has not been welcomed: a pause waits for that as for the end of
// a line.
func newTalk(conn net.Conn) *talk {
	paused := make(chan struct{})
	return &talk{
		conn: conn, out: &outlet{conn: conn, partway: true},
		paused: paused, pause: sync.OnceFunc(func() { close(paused) }),
	}
}

// Serve serves on the listener, in goroutines of its own, until Close, which owns
// the listener from then on.
func Serve(l net.Listener, opts Options) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{opts: opts, l: l, ctx: ctx, stop: stop, talks: map[*talk]struct{}{}, idle: time.Now(), changed: make(chan struct{})}
	s.all.Go(s.accept)
	return s
}

func (s *Server) accept() {
	for {
		conn, err := s.l.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) && s.ctx.Err() == nil {
				s.opts.Log.Warn("the socket for attach failed", slog.Any("err", err))
			}
			return
		}
		s.all.Go(func() {
			s.serve(conn)
			_ = conn.Close() // What was written is on its way.
		})
	}
}

// serve is the whole life of a connection.
func (s *Server) serve(conn net.Conn) {
	t := newTalk(conn)
	if !s.enter(t) {
		return // The relay tries again.
	}
	defer s.leave(t)
	hello, rest, err := s.greet(t)
	if err != nil {
		s.opts.Log.Debug("a client did not attach", slog.Any("err", err))
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	in := &inlet{conn: conn, held: rest, hurry: cancel, late: make(chan []byte, maxLate)}
	untilEnd := &ending{in: in, ended: sync.OnceFunc(func() {
		t.pause()
		s.all.Go(func() { // Ends with the connection.
			in.watch()
			cancel()
		})
	})}
	err = s.opts.Serve(ctx, hello, Streams{In: untilEnd, Out: t.out, Late: in.late})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.opts.Log.Debug("a conversation broke", slog.Any("err", err))
	default:
		_ = conn.SetWriteDeadline(time.Now().Add(closePatience)) // A socket has deadlines.
		t.out.done()
	}
}

// ending is an input that says when it has come to its end.
type ending struct {
	in    *inlet
	ended func()
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	if err != nil {
		e.ended()
	}
	return n, err
}

// greet does the handshake.
func (s *Server) greet(t *talk) (Hello, []byte, error) {
	conn := t.conn
	peer := ownsocket.PeerOf(conn)
	if peer.UID >= 0 && peer.UID != os.Getuid() {
		return Hello{}, nil, errors.New("it belongs to another user")
	}
	_ = conn.SetDeadline(time.Now().Add(helloPatience)) // A socket has deadlines.
	var h Hello
	rest, err := readLine(conn, &h)
	if err != nil {
		return h, nil, err
	}
	w := s.judge(h, peer.PID)
	if w.Error == "" {
		s.countIn(t)
	}
	if err := writeLine(t.out, w); err != nil {
		return h, nil, err
	}
	if w.Error != "" {
		return h, nil, errors.New(w.Error)
	}
	return h, rest, conn.SetDeadline(time.Time{}) //nolint:wrapcheck // It is only logged.
}

func (s *Server) judge(h Hello, pid int) Welcome {
	if err := s.opts.Admit(pid); err != nil {
		return Welcome{Protocol: Protocol, PID: os.Getpid(), Error: err.Error()}
	}
	if most := cmp.Or(s.opts.Most, maxConversations); s.connected() > most {
		return Welcome{Protocol: Protocol, PID: os.Getpid(), Error: fmt.Sprintf("%d clients are attached already, and no more can be", most)}
	}
	w := s.opts.Greet(h)
	w.Protocol, w.PID = Protocol, os.Getpid()
	return w
}

// enter counts a conversation in, unless the server ends.
func (s *Server) enter(t *talk) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.talks[t] = struct{}{}
	s.change()
	return true
}

func (s *Server) leave(t *talk) {
	t.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.talks, t)
	if t.greeted {
		s.idle = time.Now()
		s.attached--
	}
	s.change()
}

func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// countIn makes a connection a client's. It is before the client is told.
func (s *Server) countIn(t *talk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.greeted = true
	s.attached++
}

// connected is how many connections there are, of clients and others.
func (s *Server) connected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.talks)
}

// Attached is how many clients are: who only looks at the socket is none.
func (s *Server) Attached() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attached
}

// AwaitIdle blocks until nobody has been attached for that long, or ctx ends. It
// reports whether that is so; then nobody is let in any more.
func (s *Server) AwaitIdle(ctx context.Context, linger time.Duration) bool {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	for {
		left, changed := s.left(linger)
		if changed == nil {
			return true
		}
		timer.Reset(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
}

// left is how long nobody must come yet for the server to be idle, at least; with
// nil for the channel it is, and nobody is let in any more.
func (s *Server) left(linger time.Duration) (time.Duration, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.talks) > 0 {
		return linger, s.changed
	}
	if left := linger - time.Since(s.idle); left > 0 {
		return left, s.changed
	}
	s.closing = true
	return 0, nil
}

// Pause lets nobody in any more, tells every relay to keep what comes from now on,
// and blocks until all have, or ctx ends. What they sent before goes on.
func (s *Server) Pause(ctx context.Context) {
	s.mu.Lock()
	s.closing = true
	talks := make([]*talk, 0, len(s.talks))
	for t := range s.talks {
		talks = append(talks, t)
	}
	s.mu.Unlock()
	_ = s.l.Close() // The next gateway may listen.
	for _, t := range talks {
		s.all.Go(t.out.pause) // May block on a client that does not read, until its connection ends.
	}
	for _, t := range talks {
		select {
		case <-t.paused:
		case <-ctx.Done():
			return
		}
	}
}

// Close ends every conversation, and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	s.closing = true
	s.stop()
	for t := range s.talks {
		_ = t.conn.SetReadDeadline(time.Now()) // What is written goes on for a moment.
	}
	s.mu.Unlock()
	_ = s.l.Close()
	gone := make(chan struct{})
	go func() {
		s.all.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return
	case <-time.After(closePatience):
	}
	s.mu.Lock()
	for t := range s.talks {
		_ = t.conn.Close()
	}
	s.mu.Unlock()
	<-gone
}

// closePatience is how long conversations may take to end.
const closePatience = time.Second
