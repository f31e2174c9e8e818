package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Place is a gateway that has a session of an agent.
type Place struct {
	Address string
	// Lives reports whether that gateway is still one of the fleet. It must not block.
	Lives func() bool
}

var (
	errGatewayGone  = errors.New("the gateway that had this session is gone")
	errCannotAnswer = errors.New("the gateway that has this session does not answer")
)

const (
	// agentBodyTime bounds how long an agent may take for its request.
	agentBodyTime = 60 * time.Second
	// pieceTime bounds the writing of one piece of an answer to an agent.
	pieceTime = 30 * time.Second
	pieceSize = 32 << 10
)

var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// Relay passes a request of an agent to the gateway that has its session, and the
// answer back as it comes, to its end. Nothing is kept of either. The request must have
// been let in: the other gateway asks its own rules who sent it, and sees its headers.
//
// It returns false, with nothing read or written, if that gateway is gone. It panics
// with http.ErrAbortHandler if the answer breaks off: the agent is to see that.
func (c *Client) Relay(w http.ResponseWriter, r *http.Request, to Place) (passed bool) {
	if !to.Lives() {
		return false
	}
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	var heard atomic.Uint64
	defer c.watchPlace(ctx, to, &heard, end)()
	body := &passedBody{from: r.Body, control: http.NewResponseController(w)}
	defer body.stop()
	connected := false
	out, err := c.request(traced(ctx, &connected), r.Method, to.Address, sessionsPath+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		sayUnreached(w, err)
		return true
	}
	passHeaders(out.Header, r.Header)
	if _, err := netip.ParseAddrPort(r.RemoteAddr); err == nil { // Else it is a socket's.
		out.Header[headerFrom] = []string{r.RemoteAddr}
	}
	if r.ContentLength != 0 {
		out.Body, out.ContentLength = body, r.ContentLength
		body.begin()
	}
	resp, err := c.pool.RoundTrip(out)
	if err == nil {
		heard.Add(1)
		defer func() { _ = resp.Body.Close() }() // What ended it has been seen.
		passAnswer(w, resp, &heard)
		return true
	}
	tooLarge, ok := errors.AsType[*http.MaxBytesError](err)
	switch cause := context.Cause(ctx); {
	case ok:
		http.Error(w, fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit), http.StatusRequestEntityTooLarge)
	case errors.Is(cause, errGatewayGone):
		http.Error(w, cause.Error()+": initialize again; what was asked for may have run", http.StatusNotFound)
	case r.Context().Err() != nil:
		http.Error(w, "the request was given up", http.StatusServiceUnavailable) // Most often nobody reads it.
	case !connected && errors.Is(err, syscall.ECONNREFUSED):
		return false // Nobody is there: a gateway that comes back does not know the session.
	case !connected:
		sayUnreached(w, &Unreached{Address: to.Address, Cause: plain(ctx, err)})
	default:
		http.Error(w, "lost the gateway that has this session: what was asked for may have run", http.StatusBadGateway)
	}
	return true
}

func sayUnreached(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the gateway that has this session cannot be reached at the moment, so nothing was done: "+err.Error(), http.StatusServiceUnavailable)
}

// passAnswer writes an answer as it comes.
func passAnswer(w http.ResponseWriter, resp *http.Response, heard *atomic.Uint64) {
	control := http.NewResponseController(w)
	limit := func() { _ = control.SetWriteDeadline(time.Now().Add(pieceTime)) } // A test's recorder has none.
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	passHeaders(w.Header(), resp.Header)
	limit()
	w.WriteHeader(resp.StatusCode)
	streams := resp.ContentLength < 0
	if streams {
		_ = control.Flush() // What fails shows in the next write.
	}
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	for {
		n, err := resp.Body.Read(piece[:])
		heard.Add(1)
		if n > 0 {
			limit()
			if _, gone := w.Write(piece[:n]); gone != nil {
				return
			}
			if streams {
				_ = control.Flush()
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			limit()
			_ = control.Flush()
			return
		case err != nil:
			panic(http.ErrAbortHandler)
		}
	}
}

// ofHop are the headers that concern one connection, and those that the gateway which
// the agent reached has set for itself.
var ofHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "Expect": true, "Date": true, "Vary": true,
}

// passHeaders adds headers to others, but for those of a hop, those of the fleet itself
// and what browsers are told.
func passHeaders(to, from http.Header) {
	for name, values := range from {
		if ofHop[name] || strings.HasPrefix(name, "Gatehouse-") || strings.HasPrefix(name, "Access-Control-") {
			continue
		}
		to[name] = values
	}
	for _, list := range from["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			delete(to, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
}

// passedBody is the body of a request on its way. Whoever sends it must be done within
// agentBodyTime.
type passedBody struct {
	from    io.Reader
	control *http.ResponseController

	mu      sync.Mutex
	limited bool
}

func (b *passedBody) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limited = b.control.SetReadDeadline(time.Now().Add(agentBodyTime)) == nil
}

// Read implements io.Reader.
func (b *passedBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err != nil {
		b.stop()
	}
	return n, err //nolint:wrapcheck // It is that of the body.
}

// stop lifts the limit. Repeating it does no harm.
func (b *passedBody) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limited {
		b.limited = false
		_ = b.control.SetReadDeadline(time.Time{}) // It could be set.
	}
}

// Close implements io.Closer. The agent's request is closed by who serves it.
func (b *passedBody) Close() error { return nil }
