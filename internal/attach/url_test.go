package attach_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/attach"
	"gatehouse/testkit"
)

// elsewhere plays a gateway over HTTP, with sessions.
type elsewhere struct {
	mu       sync.Mutex
	token    string // what it asks for; empty is none
	session  string // the one that it knows
	refusing string // the error that initialize gets; empty is none
	heard    []string
}

func (e *elsewhere) set(change func(e *elsewhere)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	line := string(body)
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Connection", "close") // So that nobody sends on a connection that has gone.
	e.heard = append(e.heard, req.Method+" "+line)
	opens := strings.Contains(line, `"initialize"`)
	switch {
	case e.token != "" && req.Header.Get("Authorization") != "Bearer "+e.token:
		http.Error(w, "no", http.StatusUnauthorized)
	case req.Method == http.MethodGet:
		http.Error(w, "no stream", http.StatusMethodNotAllowed)
	case !opens && e.session != "" && req.Header.Get("Mcp-Session-Id") != e.session:
		http.Error(w, "no such session", http.StatusNotFound)
	case idOf(line) == "":
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", "application/json")
		if opens {
			w.Header().Set("Mcp-Session-Id", e.session)
		}
		switch {
		case opens && e.refusing != "":
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+idOf(line)+`,"error":{"code":-32602,"message":"`+e.refusing+`"}}`)
		case opens:
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+idOf(line)+`,"result":{"protocolVersion":"2025-11-25"}}`)
		default:
			_, _ = io.WriteString(w, echo(line))
		}
	}
}

// calls counts how often a call with this id came.
func (e *elsewhere) calls(id string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range e.heard {
		if strings.Contains(line, `"id":`+id+`,`) && strings.Contains(line, "tools/call") {
			n++
		}
	}
	return n
}

// aWhile is how long a request waits in vain where a test wants it to. Where a test
// wants an answer instead, a machine may stall for as long.
const aWhile = 3 * time.Second

// newURLClient starts a relay to an address.
func newURLClient(t *testing.T, url string, wait time.Duration, token func() (string, error)) *client {
	t.Helper()
	if token == nil {
		token = func() (string, error) { return "", nil }
	}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{in: inW, out: bufio.NewReaderSize(outR, 1<<20), ended: make(chan error, 1)}
	go func() {
		c.ended <- attach.RelayURL(context.Background(), attach.URLOptions{URL: url, Token: token, In: inR, Out: outW, Wait: wait, Drain: time.Second})
		_ = outW.Close()
	}()
	t.Cleanup(func() {
		_ = inW.Close()
		_ = outR.Close()
		<-c.ended
	})
	return c
}

const (
	saidHello = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`
	saidReady = `{"jsonrpc":"2.0","method":"notifications/initialized"}`
	// cancelFirst gives up call(1).
	cancelFirst = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`
)

// begin opens a session.
func (c *client) begin(t *testing.T) {
	t.Helper()
	c.say(t, saidHello)
	c.want(t, `"id":0`, "protocolVersion")
	c.say(t, saidReady)
}

// anywhere is an address that nobody needs to know in advance.
const anywhere = "127.0.0.1:0"

// serve starts e at an address. One that is to be taken again is of testkit.FreeAddress:
// any other may have been given to somebody else meanwhile.
func serve(t *testing.T, e *elsewhere, address string) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(e)
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Without a gateway each call waits for its time, is answered by an error, and the
// relay goes on trying: nothing has to be started anew.
func TestRelayURL_gatewayGone_callsAreAnsweredAndItGoesOnTrying(t *testing.T) {
	t.Parallel()
	e := &elsewhere{session: "one"}
	address := testkit.FreeAddress(t)
	first := serve(t, e, address)
	c := newURLClient(t, first.URL, aWhile, nil)
	c.begin(t)
	c.say(t, call(1))
	c.want(t, `"id":1`, "tools/call")
	first.CloseClientConnections()
	first.Close()
	c.say(t, call(2))
	c.want(t, `"id":2`, "cannot be connected to")
	c.say(t, call(3))
	c.want(t, `"id":3`, "cannot be connected to")
	e.set(func(e *elsewhere) { e.session = "two" })
	serve(t, e, address)
	c.say(t, call(4))
	c.want(t, "notifications/tools/list_changed") // It may be another gateway.
	c.want(t, `"id":4`, "tools/call")
	if n := e.calls("1"); n != 1 {
		t.Errorf("got call 1 %d times, want once", n)
	}
}

// A call that comes while the gateway restarts waits for it.
func TestRelayURL_gatewayRestarts_callsWait(t *testing.T) {
	e := &elsewhere{session: "one"}
	address := testkit.FreeAddress(t)
	first := serve(t, e, address)
	c := newURLClient(t, first.URL, time.Minute, nil)
	c.begin(t)
	first.CloseClientConnections()
	first.Close()
	c.say(t, call(1))
	serve(t, e, address)
	c.want(t, `"id":1`, "tools/call")
}

// The token is read anew for each request: it may be replaced while clients are
// connected.
func TestRelayURL_token_isReadAnew(t *testing.T) {
	t.Parallel()
	e := &elsewhere{session: "one", token: "first"}
	var mu sync.Mutex
	token, failure := "first", error(nil)
	c := newURLClient(t, serve(t, e, anywhere).URL, aWhile, func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		return token, failure
	})
	c.begin(t)
	e.set(func(e *elsewhere) { e.token = "second" })
	c.say(t, saidReady) // A refusal of what needs no answer is no line of MCP.
	c.say(t, call(1))
	if got := c.want(t, `"id":1`, "401"); strings.Contains(got, "first") {
		t.Errorf("got %s, want no token in it", got)
	}
	mu.Lock()
	failure = errors.New("cannot read /home/ann/token: it is not there")
	mu.Unlock()
	c.say(t, call(2))
	c.want(t, `"id":2`, "/home/ann/token: it is not there")
	mu.Lock()
	token, failure = "second", nil
	mu.Unlock()
	c.say(t, call(3))
	c.want(t, `"id":3`, "tools/call")
}

// A session that the gateway has lost is opened again, once, and a failure of that
// is said.
func TestRelayURL_sessionLost_isOpenedAgain(t *testing.T) {
	t.Parallel()
	e := &elsewhere{session: "one"}
	c := newURLClient(t, serve(t, e, anywhere).URL, aWhile, nil)
	c.begin(t)
	e.set(func(e *elsewhere) { e.session, e.refusing = "two", "no such revision" })
	c.say(t, call(1))
	c.want(t, `"id":1`, "does not take the session over: no such revision")
	e.set(func(e *elsewhere) { e.refusing = "" })
	c.say(t, call(2))
	c.want(t, "notifications/tools/list_changed")
	c.want(t, `"id":2`, "tools/call")
}

// A call that its client gives up while it waits for a token is not sent.
func TestRelayURL_cancelledWhileItWaitsForAToken_isNotSent(t *testing.T) {
	e := &elsewhere{}
	asks, first := make(chan struct{}), make(chan struct{})
	var asked atomic.Int32
	c := newURLClient(t, serve(t, e, anywhere).URL, time.Minute, func() (string, error) {
		if asked.Add(1) == 1 {
			close(asks)
			<-first
		}
		return "", nil
	})
	c.say(t, call(1))
	<-asks
	c.say(t, cancelFirst)
	c.say(t, call(2)) // Read after the cancellation.
	c.want(t, `"id":2`, "tools/call")
	close(first)
	_ = c.in.Close()
	if err := <-c.ended; err != nil { // It has waited for the first.
		t.Errorf("got %v, want the end of the input", err)
	}
	c.ended <- nil
	if n := e.calls("1"); n != 0 {
		t.Errorf("got the cancelled call %d times, want never", n)
	}
}

// A notification behind a batch that waits is not its cancellation.
func TestRelayURL_aBatchThatWaitsForAToken_isAnswered(t *testing.T) {
	asks, first := make(chan struct{}), make(chan struct{})
	var asked atomic.Int32
	c := newURLClient(t, serve(t, &elsewhere{}, anywhere).URL, time.Minute, func() (string, error) {
		if asked.Add(1) == 1 {
			close(asks)
			<-first
		}
		return "", nil
	})
	c.say(t, "["+call(1)+"]")
	<-asks
	c.say(t, `{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`)
	c.say(t, call(2)) // Read after the notification.
	c.want(t, `"id":2`, "tools/call")
	close(first)
	c.want(t, `"jsonrpc"`)
}

// A call that its client gives up while it waits is not sent.
func TestRelayURL_cancelledWhileItWaits_isNotSent(t *testing.T) {
	e := &elsewhere{session: "one"}
	address := testkit.FreeAddress(t)
	first := serve(t, e, address)
	c := newURLClient(t, first.URL, time.Minute, nil)
	c.begin(t)
	first.CloseClientConnections()
	first.Close()
	c.say(t, call(1))
	c.say(t, cancelFirst)
	c.say(t, call(2)) // Read after the cancellation.
	serve(t, e, address)
	c.want(t, `"id":2`, "tools/call")
	if n := e.calls("1"); n != 0 {
		t.Errorf("got the cancelled call %d times, want never", n)
	}
}

func TestRelayURL_pathWithoutMCP_isSaidAndNotToTryAgain(t *testing.T) {
	t.Parallel()
	for name, elsewhere := range map[string]http.HandlerFunc{
		"a page": http.NotFound,
		"JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"detail":"Not Found"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(elsewhere)
			t.Cleanup(s.Close)
			pathWithoutMCP(t, s.URL+"/mpc")
		})
	}
}

// pathWithoutMCP asks twice.
func pathWithoutMCP(t *testing.T, url string) {
	t.Helper()
	c := newURLClient(t, url, time.Minute, nil)
	for _, said := range []string{saidHello, call(1)} {
		c.say(t, said)
		if got := c.want(t, "has no MCP there (it answers 404 Not Found)", "correct the path of --url"); strings.Contains(got, "Try again after") || strings.Contains(got, "retry_after_ms") {
			t.Errorf("got %s, want no advice to try again", got)
		}
	}
}

// Once a connection has failed the others are not sent on: those of a gateway that was
// killed are dead, whether or not this side has heard of it, and a call on one could
// not be repeated.
func TestRelayURL_otherConnectionsOfALostGateway_areNotUsedAgain(t *testing.T) {
	const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}`
	for name, fails := range map[string]string{"a call": call(1), "a notification": progress} {
		t.Run(name, func(t *testing.T) { otherConnectionsAreNotUsedAgain(t, fails) })
	}
}

// otherConnectionsAreNotUsedAgain has a message fail, and then a call that has another
// connection to go on.
func otherConnectionsAreNotUsedAgain(t *testing.T, fails string) {
	t.Helper()
	e := &elsewhere{session: "one"}
	came := make(chan struct{}, 2)
	go1, go2 := make(chan struct{}), make(chan struct{})
	var dead sync.Map // the connections that answer nothing any more
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		line := string(body)
		if _, is := dead.Load(req.RemoteAddr); is {
			panic(http.ErrAbortHandler)
		}
		switch id := idOf(line); {
		case line == fails:
			came <- struct{}{}
			<-go1
			panic(http.ErrAbortHandler)
		case id == "2":
			dead.Store(req.RemoteAddr, true)
			came <- struct{}{}
			<-go2
			fallthrough
		case id == "3":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, echo(line))
		default:
			req.Body = io.NopCloser(strings.NewReader(line))
			e.ServeHTTP(w, req)
		}
	}))
	t.Cleanup(s.Close)
	c := newURLClient(t, s.URL, 10*time.Second, nil)
	c.begin(t)
	c.say(t, call(2))
	<-came
	c.say(t, fails)
	<-came
	close(go2)
	c.want(t, `"id":2,"result":{"got"`)
	close(go1)
	if idOf(fails) != "" {
		c.want(t, `"id":1,`, "GATEWAY_LOST")
	}
	c.say(t, call(3))
	c.want(t, `"id":3,"result":{"got"`)
}
