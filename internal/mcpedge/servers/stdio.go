package servers

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/weight"
)

// The defaults of Options.
const (
	DefaultMaxMessageBytes = 32 << 20
	DefaultMaxLineBytes    = 1 << 30
	DefaultWriteStall      = 10 * time.Second
	DefaultEOFGrace        = 500 * time.Millisecond
)

// envelopeRoom is what a line may hold besides the payload that is limited.
const envelopeRoom = 4 << 10

// Pipes are our ends of a process's standard streams. The session owns them
// from OpenStdio on, whatever that returns, and closes both.
type Pipes struct {
	// Stdin should have a SetWriteDeadline method that works, as *os.File of
	// a pipe has on unix. Closing it must end a running Write.
	Stdin io.WriteCloser
	// Stdout: closing it must end a running Read. With a SetReadDeadline method
	// that works, messages whose lines have no end are read too.
	Stdout io.ReadCloser
	// Unread, if set, returns how many bytes that were written to Stdin the
	// server has not read, and whether that is known. It must not block.
	Unread func() (n int, known bool)
	// Computing, if set, reports whether the server has work to do at this
	// moment, as one has that is still starting on a busy machine. It must not
	// block.
	Computing func() bool
}

// Options of a stdio session. The zero value of each means its default.
type Options struct {
	Version string // of the gateway, told to the server
	PID     int    // what Session.PID returns
	// Era is what the session begins with; unknown finds out.
	Era endpoint.Era
	// OnEra is told, before OpenStdio returns, with what the next session with
	// this server should begin.
	OnEra func(next endpoint.Era)
	// MaxMessageBytes limits a result where the request does not, and any
	// other message. Default DefaultMaxMessageBytes.
	MaxMessageBytes int64
	// MaxLineBytes is the size of a line at which the session is ended
	// though nothing of it is kept. Default DefaultMaxLineBytes.
	MaxLineBytes int64
	// WriteStall is how long a write may make no progress before the session
	// ends. Default DefaultWriteStall.
	WriteStall time.Duration
	// EOFGrace is how long the session waits, after the end of the server's
	// output, for its owner to Close it with the reason; twenty times as long for one
	// who says by AwaitClose that it is about to. Default DefaultEOFGrace.
	EOFGrace time.Duration
	// OnToolsChanged is called when the server announces that its tools have
	// changed. Like OnJunk and OnEOF it is called from the session's reader,
	// possibly in a flood, and must neither block nor call the session.
	OnToolsChanged func()
	// OnListChanged is the same for its other lists.
	OnListChanged func(endpoint.List)
	// OnNotice is the same for notifications that agents may have asked for. The
	// params are not to be kept.
	OnNotice func(method string, params json.RawMessage)
	// Client is whose session this is for; nil if it is all agents'. Questions are
	// answered by it, within AskTimeout.
	Client     endpoint.Client
	AskTimeout time.Duration
	// OnJunk is called for each line that is not a JSON-RPC message that anyone
	// waits for, redacted and then cut to 200 bytes.
	OnJunk func(line string)
	// Redact takes the secrets out of a text. Default: as it is.
	Redact func(string) string
	// Budget is what lines that are large take their bytes of. Default: nothing.
	Budget *weight.Budget
	// OnEOF is called once, when the server's output has ended, or was closed
	// together with the session, and all that came before has been delivered; of
	// what is read after the session's end, the first 1000 lines.
	// During the handshake the session then ends at once; afterwards Close is
	// expected.
	OnEOF func()
	// OnEnd is called once when the session has ended, for whatever reason,
	// before the pipes are closed and thus before Done: where closing a pipe
	// does not end what runs on it, only the end of the process does. What the
	// server still writes is read until it returns. It must not wait for Done.
	OnEnd func(cause error)
}

func (o Options) withDefaults() Options {
	o.MaxMessageBytes = cmp.Or(o.MaxMessageBytes, DefaultMaxMessageBytes)
	o.MaxLineBytes = cmp.Or(o.MaxLineBytes, DefaultMaxLineBytes)
	o.WriteStall = cmp.Or(o.WriteStall, DefaultWriteStall)
	o.EOFGrace = cmp.Or(o.EOFGrace, DefaultEOFGrace)
	for _, hook := range []*func(){&o.OnToolsChanged, &o.OnEOF} {
		if *hook == nil {
			*hook = func() {}
		}
	}
	if o.OnListChanged == nil {
		o.OnListChanged = func(endpoint.List) {}
	}
	if o.OnNotice == nil {
		o.OnNotice = func(string, json.RawMessage) {}
	}
	if o.OnJunk == nil {
		o.OnJunk = func(string) {}
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	if o.OnEnd == nil {
		o.OnEnd = func(error) {}
	}
	if o.OnEra == nil {
		o.OnEra = func(endpoint.Era) {}
	}
	return o
}

// The reasons for which a stdio session ends by itself.
var (
	// ErrOutputClosed: the end of the server's stdout, and nobody said why.
	ErrOutputClosed = errors.New("the server closed its output")
	// ErrNotReading: a write made no progress for Options.WriteStall.
	ErrNotReading = errors.New("the server does not read its stdin")
	// ErrEndlessLine: a line reached Options.MaxLineBytes without an end.
	ErrEndlessLine = errors.New("the server sent a line without end")
	// ErrInputClosed: the server's stdin can't be written to.
	ErrInputClosed = errors.New("the server closed its input")
	// ErrFramed: the server writes the headers of another protocol.
	ErrFramed = errors.New("the server speaks LSP framing (Content-Length headers); MCP over stdio is one JSON message a line")
)

// errClosed is the cause where Close was given none.
var errClosed = errors.New("the session was closed")

// Stdio is a session over the pipes of a process. It owns the pipes and three
// goroutines: a reader, a writer, and one that waits for their end; a fourth
// where a server of 2026-07-28 announces changes of its tools. It does not own
// the process: its owner ends that in OnEnd.
//
// A server must answer on one line of at most MaxMessageBytes. A larger line
// is passed over while it is read; the call whose answer it was gets
// *endpoint.TooLarge, and nobody else notices. A larger line without the id
// of a pending call is junk.
type Stdio struct {
	opts  Options
	pipes Pipes
	info  endpoint.ServerInfo
	meta  requestMeta
	// stateless says that each request says its revision. It is set before the
	// session is given to anyone.
	stateless bool
	tools     *subscription
	questions questions
	// asking ends with the session, by stopAsking.
	asking     context.Context
	stopAsking context.CancelFunc

	received atomic.Uint64
	pace     jsonrpc.Pace
	cost     time.Duration // of the line that is being read: the reader's own
	took     bool          // a call has had its answer in that line: the reader's own
	broken   brokenLines

	mu      sync.Mutex
	lastID  int64
	pending map[int64]*call
	queue   []*outgoing
	control int  // how many of queue belong to no call
	writing bool // somebody is writing, or the writer has been told to
	deaf    bool // nothing more is to be written
	opened  bool // the handshake is over
	grace   *time.Timer
	awaits  bool  // its owner is about to Close it
	cause   error // why it ended; set once
	late    lateCalls
	gone    goneCalls
	owed    int // how many answers to calls that were given up may still come
	// told is how many notifications the server may still answer, though it should
	// not, and toldAt the latest id when the last of them was sent.
	told   int
	toldAt int64
	byID   bool // the server has answered a request with its id, after the handshake
	// answered are the calls that have had their answer.
	answered answeredCalls
	// unanswered is set together with cause.
	unanswered endpoint.Calls

	try     func(p []byte) (int, error) // writes as much as fits; nil where a write may block
	wake    chan writeJob               // tells the writer to go on; holds one
	ended   chan struct{}               // closed together with setting cause
	workers sync.WaitGroup
	done    chan struct{}
}

var _ endpoint.Session = (*Stdio)(nil)

// OpenStdio begins a session over the pipes: it starts reading and writing,
// finds out which era the server is of and goes through the handshake, which
// takes until the server has answered or ctx ends. On an error the session is
// over, both pipes are closed, and nothing is left behind.
func OpenStdio(ctx context.Context, pipes Pipes, opts Options) (*Stdio, error) {
	s := &Stdio{
		opts:    opts.withDefaults(),
		pipes:   pipes,
		meta:    newRequestMeta(opts.Version),
		tools:   newSubscription(),
		pending: make(map[int64]*call),
		try:     tryWriter(pipes.Stdin),
		wake:    make(chan writeJob, 1),
		ended:   make(chan struct{}),
		done:    make(chan struct{}),
	}
	s.asking, s.stopAsking = context.WithCancel(context.WithoutCancel(ctx))
	s.broken.s = s
	s.workers.Go(s.read)
	s.workers.Go(s.write)
	go s.finish()
	if err := s.handshake(ctx); err != nil {
		s.end(err)
		<-s.done
		return nil, err
	}
	passRoots(s.opts.Client, s.ended, func() { _ = s.tell(endpoint.NoticeRoots, nil) })
	return s, nil
}

// Info implements [endpoint.Session].
func (s *Stdio) Info() endpoint.ServerInfo { return s.info }

// PID implements [endpoint.Session].
func (s *Stdio) PID() int { return s.opts.PID }

// Done implements [endpoint.Session]. It also means that the session's
// goroutines have ended and that both pipes are closed.
func (s *Stdio) Done() <-chan struct{} { return s.done }

// Received implements [endpoint.Session].
func (s *Stdio) Received() uint64 { return s.received.Load() }

// Err implements [endpoint.Session].
func (s *Stdio) Err() error {
	select {
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.cause
	default:
		return nil
	}
}

// Close implements [endpoint.Session], but for the process: that is its
// owner's. The first cause counts; nil means that it was closed for no
// particular one.
func (s *Stdio) Close(cause error) {
	if cause == nil {
		cause = errClosed
	}
	s.end(cause)
}

// knownGrace is how many times EOFGrace an owner has who is about to Close the session.
const knownGrace = 20

// AwaitClose says that the owner is about to Close the session with the reason: the
// end of the server's output alone ends it much later.
func (s *Stdio) AwaitClose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaits = true
	if s.grace != nil && s.grace.Stop() {
		s.grace.Reset(knownGrace * s.opts.EOFGrace)
	}
}

// end ends the session, once: whoever waits gets the cause.
func (s *Stdio) end(cause error) {
	s.mu.Lock()
	if s.cause != nil {
		s.mu.Unlock()
		return
	}
	s.cause = cause
	pending := s.pending
	s.unanswered = s.running()
	s.pending, s.queue, s.control = nil, nil, 0
	if s.grace != nil {
		s.grace.Stop()
	}
	close(s.ended)
	s.stopAsking()
	for _, c := range pending {
		c.finish(endpoint.Response{}, c.unsent(cause))
	}
	s.mu.Unlock()
}

// isOpening reports whether the handshake is not over yet.
func (s *Stdio) isOpening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.opened
}

// endSoon ends the session with cause unless its owner, who may know better,
// does so first.
func (s *Stdio) endSoon(cause error) {
	s.mu.Lock()
	s.deaf = true
	opened := s.opened
	if opened && s.grace == nil && s.cause == nil {
		grace := s.opts.EOFGrace
		if s.awaits {
			grace *= knownGrace
		}
		s.grace = time.AfterFunc(grace, func() { s.end(cause) })
	}
	s.mu.Unlock()
	if !opened {
		s.end(cause)
	}
}

// finish closes the pipes when the session has ended, waits for the reader
// and the writer, and tells.
func (s *Stdio) finish() {
	<-s.ended
	s.opts.OnEnd(s.cause)     // Written before ended was closed, and only once.
	_ = s.pipes.Stdin.Close() // Nobody is left who could act on it.
	_ = s.pipes.Stdout.Close()
	s.workers.Wait()
	close(s.done)
}
