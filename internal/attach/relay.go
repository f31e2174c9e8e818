package attach

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// RelayOptions are what a relay needs.
type RelayOptions struct {
	In  io.Reader
	Out io.Writer
	// Connect returns a connection to a gateway, which it may start. It blocks until
	// there is one or ctx ends, or returns why there cannot be one now. before is the
	// welcome of the gateway that was lost, nil at first.
	Connect func(ctx context.Context, before *Welcome) (*Link, error)
	// Wait is how long a request waits for a gateway once there is none.
	Wait time.Duration
	// Note has a line for the user. It is not called twice with the same one.
	Note func(line string)
	// OwnTools is set if the client sees tools that are not the gateway's own: the
	// structuredContent of an answer is theirs then.
	OwnTools bool
	// Hurry, each time that something comes: first the input counts as ended, then
	// what runs is cancelled.
	Hurry <-chan struct{}
}

// Relay carries one client's conversation to whichever gateway there is.
type Relay struct {
	opts RelayOptions
	done context.CancelFunc // called when nothing is left to be done
	// lines counts those of the client.
	lines atomic.Uint64

	// sending is held while a line goes to the gateway, however long, and while the
	// link changes.
	sending sync.Mutex
	// writing is held while a line goes to the client, however long.
	writing sync.Mutex
	broken  error // why the client cannot be written to; guarded by writing

	mu      sync.Mutex // guards what follows, and is never held across I/O
	link    *Link      // nil while there is none
	pending *pending   // what the gateway has
	queue   []*waiting // what waits for one, in order
	queued  int        // bytes of it
	ended   bool       // the client's input has
	partway bool       // and within a line
	session session
	noted   map[string]bool
	lostAt  time.Time // when the last gateway went; zero while there is one
	failure error     // why there is no new one
}

// session is what the client has agreed upon with the gateway.
type session struct {
	before *Welcome // of the gateway that it began with, or of the last one
	params []byte   // of the client's initialize, once that was answered
	ready  bool     // the client has said so
}

// NewRelay makes a relay. Run runs it.
func NewRelay(opts RelayOptions) *Relay {
	return &Relay{opts: opts, pending: newPending(), noted: map[string]bool{}}
}

// reconnectPause is how long the relay waits before it tries again to connect,
// at first and at most.
const (
	reconnectPause    = 100 * time.Millisecond
	maxReconnectPause = 10 * time.Second
)

// Run carries the conversation until the client's input has ended and all that it
// asked has been answered, or its output breaks, or ctx ends. The error is that of
// the first connection, or of the output. A read that blocks is left behind.
func (r *Relay) Run(ctx context.Context) error {
	ctx, r.done = context.WithCancel(ctx)
	defer r.done()
	pause := reconnectPause
	for first := true; ; first = false {
		link, err := r.opts.Connect(ctx, r.session.before)
		if ctx.Err() != nil {
			return r.outcome()
		}
		if err != nil {
			if first {
				return err
			}
			r.failed(err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, maxReconnectPause)
			continue
		}
		pause = reconnectPause
		r.establish(link)
		if first {
			go r.listen(ctx)
			go r.stayLean(ctx)
			go r.up()
		}
		stop := context.AfterFunc(ctx, func() { _ = link.Conn.Close() })
		r.down(link)
		stop()
		r.lost(link)
		if ctx.Err() != nil || r.finished() {
			return r.outcome()
		}
	}
}

func (r *Relay) outcome() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	return r.broken
}

// listen hears when the user is in a hurry.
func (r *Relay) listen(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.opts.Hurry:
		}
		r.mu.Lock()
		ended := r.ended
		r.mu.Unlock()
		if !ended {
			r.end(false)
			continue
		}
		r.sending.Lock()
		r.mu.Lock()
		link := r.link
		r.mu.Unlock()
		if link == nil {
			r.done()
		} else {
			_, _ = link.Conn.Write(controlHurry) // One that is gone has nothing that runs.
		}
		r.sending.Unlock()
	}
}

// finished reports whether the client wants nothing any more.
func (r *Relay) finished() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended && len(r.queue) == 0
}

func (r *Relay) failed(err error) {
	r.mu.Lock()
	r.failure = err
	r.mu.Unlock()
	r.note("cannot reach a gateway: " + err.Error())
}

// note tells the user something, once.
func (r *Relay) note(line string) {
	r.mu.Lock()
	known := r.noted[line] || len(r.noted) >= maxNotes
	r.noted[line] = true
	r.mu.Unlock()
	if !known {
		r.opts.Note(line)
	}
}

// maxNotes is how many lines the user is told.
const maxNotes = 200

// establish makes a connection the one in use. What waits is sent in the
// background, before anything else is.
func (r *Relay) establish(l *Link) {
	for _, line := range l.Welcome.Notes {
		r.note(line)
	}
	r.sending.Lock()
	r.mu.Lock()
	hello, changed := r.session.resume(l)
	r.link, r.lostAt, r.failure = l, time.Time{}, nil
	r.mu.Unlock()
	go func() {
		defer r.sending.Unlock()
		if changed {
			r.tell(jsonrpc.AppendNotification(nil, "notifications/tools/list_changed", nil))
		}
		if hello != nil {
			if _, err := l.Conn.Write(hello); err != nil {
				_ = l.Conn.Close()
				return
			}
		}
		r.flush(l)
	}()
}

// resumeID is the id of an initialize that is repeated.
var resumeID = []byte(`"gatehouse-attach"`)

// resume returns what opens the client's session with another gateway, and whether
// the client sees other lists than before.
func (s *session) resume(l *Link) (hello []byte, changed bool) {
	before := s.before
	s.before = &l.Welcome
	if s.params == nil {
		return nil, false
	}
	l.resume = resumeID
	hello = append(jsonrpc.AppendRequest(nil, l.resume, methodInitialize, s.params), '\n')
	if s.ready {
		hello = append(jsonrpc.AppendNotification(hello, methodInitialized, nil), '\n')
	}
	return hello, s.ready && before != nil && before.Shown != l.Welcome.Shown
}

// refusal says why a line of the gateway's refuses the client's session, which was
// to go on there; empty if it does not.
func (l *Link) refusal(line []byte) string {
	if l.resume == nil || !bytes.Contains(line, l.resume) || !bytes.Equal(rawjson.Get(line, "id"), l.resume) {
		return ""
	}
	failure := rawjson.Get(line, "error")
	if failure == nil {
		return ""
	}
	return cmp.Or(textcut.Marked(rawjson.Text(rawjson.Get(failure, "message")), maxReason), "no reason is given")
}

// flush sends what waits, and the end of the input if that has come.
func (r *Relay) flush(l *Link) {
	for {
		w, more := r.unqueue(l)
		if !more {
			break
		}
		if _, err := l.Conn.Write(w.request.line); err != nil {
			r.unsent(w.request)
			_ = l.Conn.Close()
			return
		}
	}
	r.mu.Lock()
	ended, partway := r.ended, r.partway
	r.mu.Unlock()
	if ended {
		r.sendEnd(l, partway)
	}
}

func (r *Relay) sendEnd(l *Link, partway bool) {
	line := controlEOF
	if partway {
		line = append([]byte("\n"), line...)
	}
	_, _ = l.Conn.Write(line) // The end of the connection says the same.
}

// down hands the gateway's lines to the client until the connection ends.
func (r *Relay) down(l *Link) {
	src := newSource(l.Conn, l.rest)
	var parts []*request // answered by the line that has begun
	pass := false
	for {
		p, err := src.next()
		if err != nil {
			break
		}
		if p.first {
			if !p.last && len(p.data) < maxWhole {
				continue // Cut off: the gateway is gone.
			}
			if p.data[0] == mark {
				r.control(l, p.data)
				continue
			}
			if why := l.refusal(p.data); why != "" {
				r.note("the new gateway does not take the session over: " + why)
			}
			parts, pass = r.judge(l, p)
			if pass {
				r.writing.Lock()
			}
		}
		if pass {
			r.write(p.data)
		}
		if p.last {
			if pass {
				r.writing.Unlock()
			}
			parts, pass = nil, false
		}
	}
	if pass { // A long line that was cut off.
		r.write([]byte("\n"))
		r.writing.Unlock()
	}
	r.mu.Lock()
	for _, request := range parts {
		r.pending.add(request)
	}
	r.mu.Unlock()
}

// write writes to the client, for the one that holds writing. The first failure
// ends the relay.
func (r *Relay) write(b []byte) {
	if r.broken != nil {
		return
	}
	if _, err := r.opts.Out.Write(b); err != nil {
		r.broken = err
		r.done()
	}
}

// tell writes a message of the relay's own to the client.
func (r *Relay) tell(message []byte) {
	r.writing.Lock()
	defer r.writing.Unlock()
	r.write(append(message, '\n'))
}

// control acts on a line of the gateway's that is not the client's.
func (r *Relay) control(l *Link, line []byte) {
	switch {
	case bytes.Equal(line, controlDone):
		r.mu.Lock()
		l.done = true
		r.mu.Unlock()
	case bytes.Equal(line, controlPause):
		r.pause(l)
	} // A later version knows others.
}

// pause tells a gateway that is about to end that nothing follows, in the background.
func (r *Relay) pause(l *Link) {
	go func() { // Ends when the connection does: what is being sent goes first.
		r.sending.Lock()
		defer r.sending.Unlock()
		r.mu.Lock()
		l.paused = true
		ended := r.ended
		r.mu.Unlock()
		if l.owes = l.midline; !ended && !l.owes {
			_, _ = l.Conn.Write(controlPaused) // If it fails the connection is at its end.
		}
	}()
}

// judge notes what a line of the gateway answers, and reports whether the client
// should get it.
func (r *Relay) judge(l *Link, p piece) (answers []*request, pass bool) {
	ids := answered(p.data)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if l.resume != nil && bytes.Equal(id, l.resume) {
			return nil, false
		}
		request := r.pending.take(id)
		switch {
		case request == nil:
			continue
		case request.method == methodInitialize:
			r.session.params = request.params()
		case l.paused && request.savedFrom(p.data):
			r.push(request)
			return nil, false
		}
		answers = append(answers, request)
	}
	return answers, true
}

// lost takes back what the gateway had when it went: what may be sent again waits
// for the next one, the rest is answered.
func (r *Relay) lost(l *Link) {
	_ = l.Conn.Close()
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	r.link, r.lostAt = nil, time.Now()
	if l.done { // What has no answer got one that does not name it, such as a batch in a revision without.
		r.pending.takeAll()
	}
	var answers [][]byte
	as := r.shape()
	for _, request := range r.pending.takeAll() {
		if request.again() && !r.ended {
			r.push(request)
		} else {
			answers = append(answers, request.answer(fateUnknown, as))
		}
	}
	for _, w := range r.queue {
		r.limit(w)
	}
	r.mu.Unlock()
	for _, a := range answers {
		r.tell(a)
	}
}
