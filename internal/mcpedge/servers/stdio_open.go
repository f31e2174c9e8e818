package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
)

const (
	// silence is how long a server may leave server/discover unanswered, after
	// it has read it, before it is asked by initialize as well. Servers of the
	// older era may ignore what they don't know.
	silence = 500 * time.Millisecond
	// muteTime is how long a server that has been asked both ways may answer
	// neither until it is taken for one that hangs if the first thing it hears is
	// not initialize.
	muteTime = 5 * time.Second
	// workTime is how long a server that has read the question and computes is
	// given before its silence counts.
	workTime = 10 * time.Second
	// readPoll is how often it is looked whether a server has read a question.
	readPoll = 20 * time.Millisecond
)

// StartOver ends a handshake with a process that is to be started once more, as
// it has been asked in a way that it does not bear. OnEra has been told how to
// ask the next one.
type StartOver struct{ why string }

func (e *StartOver) Error() string { return e.why }

var (
	// ErrAskedBothWays ends the handshake with a server of both eras that was slow
	// to answer and has accepted both questions. It may have settled on the older
	// era by that, for as long as its process lives.
	ErrAskedBothWays = &StartOver{"the server accepted initialize as well as " + methodDiscover}
	// ErrMute ends the handshake with a server that has answered neither question:
	// there are servers that hang for ever if the first thing that they hear is not
	// initialize.
	ErrMute = &StartOver{"the server answered nothing after it was asked " + methodDiscover + " first"}
)

// opening is the handshake of a stdio session. A server may be asked in both
// ways at the same time; the answer of the stateless kind wins.
type opening struct {
	s       *Stdio
	hint    endpoint.Era
	waiting *time.Timer // nil when nothing is to happen at its end
	then    func() error
	askedAt time.Time // when server/discover was asked
	readAt  time.Time // when the server had not yet read the question, or had work to do, for all we know

	discover, initialize asked
	wanted               string // the revision that the server has asked for
	info                 endpoint.ServerInfo
	announces            bool // changes of its tools
}

// asked is one of the two questions.
type asked struct {
	call *call // nil until it is asked
	done bool  // it was answered
	err  error // why the answer is of no use; nil if it is
}

// answers is nil, which blocks for ever, where no answer is due.
func (a *asked) answers() <-chan outcome {
	if !a.open() {
		return nil
	}
	return a.call.answer
}

// good reports whether the answer is there and of use.
func (a *asked) good() bool { return a.done && a.err == nil }

// open reports whether the question is still unanswered.
func (a *asked) open() bool { return a.call != nil && !a.done }

// errBothFailed ends the wait when neither answer is of use.
var errBothFailed = errors.New("neither way to begin is understood")

// handshake finds out which era the server is of, and opens the session.
func (s *Stdio) handshake(ctx context.Context) error {
	o := &opening{s: s, hint: s.opts.Era}
	err := o.run(ctx)
	if o.waiting != nil {
		o.waiting.Stop()
	}
	o.discover.forget(s)
	o.initialize.forget(s)
	s.opts.OnEra(o.next(err))
	if err != nil {
		return fmt.Errorf("cannot initialize the session: %w", o.explain(err))
	}
	return s.begin(ctx, o)
}

// run asks until one answer has decided.
func (o *opening) run(ctx context.Context) error {
	begin := o.askDiscover
	if o.hint == endpoint.EraInitialize {
		begin = o.askInitialize
	}
	for err := begin(); ; {
		if decided, why := o.decided(err); decided {
			return why
		}
		select {
		case answer := <-o.discover.answers():
			err = o.discovered(answer)
		case answer := <-o.initialize.answers():
			select { // What was answered first is looked at first.
			case earlier := <-o.discover.answers():
				err = o.discovered(earlier)
			default:
			}
			if err == nil {
				err = o.initialized(answer)
			}
		case <-o.alarm():
			o.waiting = nil
			err = o.then()
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
}

// decided reports whether there is nothing to wait for any more.
func (o *opening) decided(err error) (bool, error) {
	d, i := &o.discover, &o.initialize
	switch {
	case err != nil:
		return true, err
	case d.good() && i.good():
		return true, ErrAskedBothWays
	case d.good(): // Initialize may still be accepted for a little while, if it has been asked.
		return !i.open() || o.waiting == nil, nil
	case d.done && i.done && i.err != nil:
		return true, errBothFailed
	default: // A good answer to initialize waits a little for a better one.
		return i.good() && o.waiting == nil, nil
	}
}

func (o *opening) alarm() <-chan time.Time {
	if o.waiting == nil {
		return nil
	}
	return o.waiting.C
}

// wait does something later, in place of what was to be done before.
func (o *opening) wait(d time.Duration, then func() error) {
	if o.waiting != nil {
		o.waiting.Stop()
	}
	o.waiting, o.then = time.NewTimer(d), then
}

// askDiscover also makes sure that a server of which nothing is known is asked by
// initialize as well if it has read the question and stays silent. One that has
// not read it is still starting, and may bear only one question; so may one that
// has, and computes: on a busy machine it is slow, not silent.
func (o *opening) askDiscover() error {
	if o.hint == endpoint.EraUnknown {
		o.askedAt = time.Now()
		o.readAt = o.askedAt
		o.wait(readPoll, o.awaitAnswer)
	}
	return o.discover.ask(o.s, endpoint.Request{Method: methodDiscover, Params: o.s.meta.addTo(nil, nil), MaxResultBytes: maxHandshake})
}

// awaitAnswer asks by initialize once the server has had the question for a
// while.
func (o *opening) awaitAnswer() error {
	now := time.Now()
	if o.s.hasUnread() || now.Sub(o.askedAt) < workTime && o.s.computes() {
		o.readAt = now
	}
	if left := o.readAt.Add(silence).Sub(now); left > 0 {
		o.wait(min(left, readPoll), o.awaitAnswer)
		return nil
	}
	o.wait(muteTime, func() error { return ErrMute })
	return o.askInitialize()
}

// nothing is what happens at the end of a wait that was for something else.
func nothing() error { return nil }

// hasUnread reports whether the server is known not to have read all that was
// written to it.
func (s *Stdio) hasUnread() bool {
	if s.pipes.Unread == nil {
		return false
	}
	n, known := s.pipes.Unread()
	return known && n > 0
}

// computes reports whether the server is known to have work to do.
func (s *Stdio) computes() bool { return s.pipes.Computing != nil && s.pipes.Computing() }

// askInitialize asks by initialize, unless that has been done.
func (o *opening) askInitialize() error {
	if o.initialize.call != nil {
		return nil
	}
	return o.initialize.ask(o.s, endpoint.Request{Method: methodInitialize, Params: initializeParams(o.s.opts.Version, o.s.opts.Client, o.wanted), MaxResultBytes: maxHandshake})
}

// discovered takes the answer to server/discover. Where initialize has been
// asked as well it must be known what has become of that.
func (o *opening) discovered(answer outcome) error {
	d := &o.discover
	if _, bad := errors.AsType[*endpoint.BadAnswer](answer.err); bad {
		d.done, o.waiting, d.err = true, nil, errNotStateless
		return o.askInitialize()
	}
	if answer.err != nil {
		return answer.err
	}
	d.done, o.waiting = true, nil
	var info endpoint.ServerInfo
	if info, o.announces, d.err = discovered(answer.response); d.err != nil {
		return o.askInitialize()
	}
	o.info = info
	if o.initialize.open() {
		o.wait(silence, nothing)
	}
	return nil
}

// initialized takes the answer to initialize. Where server/discover is still
// unanswered the server may be of both eras, and slow: it gets as much time
// again. One that takes requests in order has ignored it.
func (o *opening) initialized(answer outcome) error {
	if answer.err != nil {
		return answer.err
	}
	i := &o.initialize
	i.done, o.waiting = true, nil
	var info endpoint.ServerInfo
	if wanted := wantedRevision(answer.response.Error); wanted != "" && o.wanted == "" && !o.discover.good() {
		o.initialize, o.wanted = asked{}, wanted
		return o.askInitialize()
	}
	if info, i.err = serverInfo(answer.response); i.err != nil {
		if o.discover.call == nil {
			return o.askDiscover()
		}
		return nil
	}
	o.info = info
	if o.discover.open() {
		o.wait(silence, nothing)
	}
	return nil
}

// explain words why neither answer was of use.
func (o *opening) explain(err error) error {
	if unsent, ok := errors.AsType[*endpoint.NotWritten](err); ok {
		return unsent.Cause
	}
	if !errors.Is(err, errBothFailed) {
		return err
	}
	if errors.Is(o.discover.err, errNotStateless) {
		return o.initialize.err
	}
	return fmt.Errorf("%w; by initialize: %w", o.discover.err, o.initialize.err)
}

// next is what the next run should begin with. A server that was lost before
// it had answered anything may be one that dies of what it does not know.
func (o *opening) next(err error) endpoint.Era {
	switch {
	case o.discover.good():
		return endpoint.EraStateless
	case err == nil:
		return endpoint.EraInitialize
	case o.hint == endpoint.EraUnknown && !o.discover.done && !o.initialize.done:
		return endpoint.EraInitialize
	default:
		return endpoint.EraUnknown
	}
}

// ask sends the question. It does not wait.
func (a *asked) ask(s *Stdio, req endpoint.Request) error {
	a.call = s.newCall(req)
	return s.send(&a.call.out)
}

// forget takes the question back. The server is not told: the specification
// forbids that for initialize, and has no use for it before the session is
// open.
func (a *asked) forget(s *Stdio) {
	if a.call == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[a.call.id] == a.call {
		delete(s.pending, a.call.id)
	}
}

// begin makes the session one of the era that was found.
func (s *Stdio) begin(ctx context.Context, o *opening) error {
	s.info, s.stateless = o.info, o.info.Stateless()
	s.mu.Lock()
	s.opened = true
	s.mu.Unlock()
	if s.stateless {
		if o.announces {
			s.subscribe(ctx)
		}
		return nil
	}
	if err := s.tell(methodInitialized, nil); err != nil {
		return fmt.Errorf("cannot initialize the session: %w", err)
	}
	return nil
}

// paramsOf returns the params as they are to be written.
func (s *Stdio) paramsOf(req endpoint.Request) []byte {
	if !s.stateless {
		return req.Params
	}
	s.tools.asked(req.Method)
	return s.meta.addTo(withLevel(req.Params, req.LogLevel), req.Capabilities)
}
