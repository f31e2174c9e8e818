package servers_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/servers"
)

// onStream is a session with an SSE server by hand.
type onStream struct {
	endpoint.Session
	say chan string
	got chan request
}

// openOnStream opens a session with a server by hand, which takes POSTs by take.
func openOnStream(t *testing.T, take func(request), opts servers.HTTPOptions) *onStream {
	t.Helper()
	url, say, got := sseSlow(t, take)
	opts.URL, opts.Transport = url, servers.SSE
	s := &onStream{openHTTP(t, opts), say, got}
	await(t, got) // notifications/initialized
	return s
}

// atOnce takes any POST at once.
func atOnce(request) {}

// hold waits until it may go on, or for the end of the test.
func hold(t *testing.T, goOn <-chan struct{}) {
	t.Helper()
	select {
	case <-goOn:
	case <-t.Context().Done():
	}
}

// afterAnAnswer opens a session whose server has answered a call: no error without an id
// is about a notification.
func afterAnAnswer(t *testing.T, take func(request), opts servers.HTTPOptions) *onStream {
	t.Helper()
	s := openOnStream(t, take, opts)
	first := call(t.Context(), s, tool(`"first"`))
	s.answer(t, await(t, s.got), first)
	return s
}

// nameless has the server send an error that does not say whose it is.
func (s *onStream) nameless() {
	s.say <- `{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"of nobody"}}`
}

// answer has the server answer a call, which still waits for it.
func (s *onStream) answer(t *testing.T, m request, of <-chan outcome) {
	t.Helper()
	s.say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%q}`, m.ID, string(m.ID))
	wantResult(t, await(t, of), fmt.Sprintf("%q", string(m.ID)))
}

// ping has the server ask and the gateway answer, after all that it has heard before.
func (s *onStream) ping(t *testing.T) {
	t.Helper()
	s.say <- `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	await(t, s.got)
}

// givenUp makes a call and gives it up once the next has been sent, which it returns.
func (s *onStream) givenUp(t *testing.T) (next <-chan outcome, of request) {
	t.Helper()
	ctx, giveUp := context.WithCancel(t.Context())
	given := call(ctx, s, tool(`"given up"`))
	await(t, s.got)
	next = call(t.Context(), s, tool(`"next"`))
	of = await(t, s.got)
	giveUp()
	await(t, given)
	return next, of
}

func wantNameless(t *testing.T, o outcome) {
	t.Helper()
	if o.err != nil || !strings.Contains(string(o.res.Error), "of nobody") {
		t.Errorf("got %s %s %v, want the error that has no id", o.res.Result, o.res.Error, o.err)
	}
}

func TestSSE_errorWithoutAnID_afterAnAnswer_endsTheOnlyCall(t *testing.T) {
	s := afterAnAnswer(t, atOnce, servers.HTTPOptions{})
	only := call(t.Context(), s, tool(`1`))
	await(t, s.got)
	s.nameless()
	wantNameless(t, await(t, only))
}

// The answer to a call that was made before the notification says nothing of what the
// server has to say to that.
func TestSSE_errorWithoutAnID_afterTheAnswerToAnOlderCall_mayBeOfTheNotification(t *testing.T) {
	s := afterAnAnswer(t, atOnce, servers.HTTPOptions{})
	older, of := s.givenUp(t)
	await(t, s.got) // notifications/cancelled
	s.ping(t)       // The notification is no longer on its way.
	s.answer(t, of, older)
	running := call(t.Context(), s, tool(`1`))
	m := await(t, s.got)
	s.nameless()
	s.answer(t, m, running)
}

// A call that was made while a notification was on its way may have reached the server
// before it.
func TestSSE_errorWithoutAnID_afterACallFasterThanANotification_mayBeOfThat(t *testing.T) {
	for name, early := range map[string]bool{"answered before it arrives": true, "answered after it has arrived": false} {
		t.Run(name, func(t *testing.T) {
			onItsWay, arrive := make(chan struct{}), make(chan struct{})
			s := afterAnAnswer(t, func(m request) {
				if m.Method == "notifications/cancelled" {
					close(onItsWay)
					hold(t, arrive)
				}
			}, servers.HTTPOptions{})
			older, of := s.givenUp(t)
			await(t, onItsWay)
			s.answer(t, of, older)
			faster := call(t.Context(), s, tool(`1`))
			m := await(t, s.got)
			if early {
				s.answer(t, m, faster)
			}
			close(arrive)
			await(t, s.got) // notifications/cancelled
			s.ping(t)       // It is no longer on its way.
			if !early {
				s.answer(t, m, faster)
			}
			running := call(t.Context(), s, tool(`2`))
			m = await(t, s.got)
			s.nameless()
			s.answer(t, m, running)
		})
	}
}

func TestSSE_errorWithoutAnID_ofTwoCalls_endsNeither(t *testing.T) {
	s := afterAnAnswer(t, atOnce, servers.HTTPOptions{})
	one := call(t.Context(), s, tool(`1`))
	ofOne := await(t, s.got)
	two := call(t.Context(), s, tool(`2`))
	ofTwo := await(t, s.got)
	s.nameless()
	s.answer(t, ofOne, one)
	s.answer(t, ofTwo, two)
}

// A server may answer on its stream before it takes the request's POST.
func TestSSE_errorWithoutAnID_besideACallThatIsAnswered_endsTheOther(t *testing.T) {
	early, take := make(chan request, 1), make(chan struct{})
	s := afterAnAnswer(t, func(m request) {
		if strings.Contains(m.line, "early") {
			early <- m
			hold(t, take)
		}
	}, servers.HTTPOptions{})
	answered := call(t.Context(), s, tool(`"early"`))
	s.say <- fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":"early"}`, await(t, early).ID)
	only := call(t.Context(), s, tool(`1`))
	await(t, s.got)
	s.nameless()
	wantNameless(t, await(t, only))
	close(take)
	wantResult(t, await(t, answered), `"early"`)
}

// lateCredentials are late for the next request once late is set.
type lateCredentials struct {
	late       atomic.Bool
	ask, there chan struct{}
}

func (c *lateCredentials) Header(ctx context.Context) (string, error) {
	if c.late.CompareAndSwap(true, false) {
		close(c.ask)
		select {
		case <-c.there:
		case <-ctx.Done():
		}
	}
	return "Bearer late", nil
}

func (*lateCredentials) Refused(context.Context, string, int, []string) bool { return false }

func TestSSE_errorWithoutAnID_besideACallThatIsNotSent_endsTheOther(t *testing.T) {
	c := &lateCredentials{ask: make(chan struct{}), there: make(chan struct{})}
	s := afterAnAnswer(t, atOnce, servers.HTTPOptions{Credentials: c})
	only := call(t.Context(), s, tool(`1`))
	await(t, s.got)
	c.late.Store(true)
	unsent := call(t.Context(), s, tool(`2`))
	await(t, c.ask)
	s.nameless()
	wantNameless(t, await(t, only))
	close(c.there)
	s.answer(t, await(t, s.got), unsent)
}
