package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/fair"
	"gatehouse/internal/identity"
	"gatehouse/internal/weight"
)

const (
	headerSession = "Mcp-Session-Id"
	headerVersion = mcp.HeaderProtocolVersion
	jsonType      = "application/json"
	owedTimeout   = 5 * time.Second // for the rest of one that nobody will read
)

// Handler returns the streamable HTTP endpoint. It serves any path, so the
// caller mounts it at /mcp and nowhere else.
//
// A browser (a GET that accepts HTML and no events) gets a page that says what
// this is, without being asked for a credential.
//
// POST takes one message or batch. GET opens a stream on which, as the gateway
// sends nothing unasked, only comments come. DELETE ends a session and cancels
// its calls. A session id is not required; it is needed to cancel a call by
// notification. The end of the connection cancels the request's call.
//
// Statuses: 400 for malformed MCP, 403 by the Host and Origin rules, what
// Options.Authorize answers, 404 for a session that was deleted, whose id is not
// well-formed or that somebody with another credential opened, 405, 406, 413 for a
// body beyond MaxMessageBytes, 415, 503 at shutdown, for too many streams or
// large messages.
func (e *Edge) Handler() http.Handler { return e.HandlerAt(nil, "") }

// HandlerAt is Handler for surfaces: surfaceOf returns the one that a request is
// meant for, or nil, and is asked for each. Where there is none that the caller
// may use, the answer is that of Elsewhere, which says that MCP is at path.
//
// A request may name an agent, ?agent=ID; it is Caller.Agent, of the session too
// that it opens. At a surface a session is forgotten when the gateway ends, and
// another agent's requests are no part of it: 404.
func (e *Edge) HandlerAt(surfaceOf func(*http.Request) Surface, path string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer e.recovered(w, r)
		read, paid := false, false
		var who *identity.Caller
		defer func() {
			if !paid {
				e.slowRequest(r, who) // What it is told waits for that too.
			}
			if !read {
				giveUpBody(w, r)
			}
		}()
		if why := e.origins.forbidden(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		if wantsPage(r) {
			showPage(w, r, r.URL.Path)
			return
		}
		if name := repeated(r.Header); name != "" {
			http.Error(w, "the header "+name+" must come once", http.StatusBadRequest)
			return
		}
		allowCORS(w.Header(), r.Header.Get("Origin"))
		if e.opts.Authorize != nil && r.Method != http.MethodOptions {
			var ok bool
			if who, ok = e.opts.Authorize(w, r); !ok {
				return
			}
		}
		if !e.opts.Arrived(r, cmp.Or(who.ID(), addressOf(r, who))) {
			w.Header().Set("Connection", "close")
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many connections are open, most of them yours", http.StatusServiceUnavailable)
			return
		}
		v := visitor{who: who}
		if r.Method != http.MethodOptions && (surfaceOf != nil || r.URL.RawQuery != "") {
			if why := v.locate(r, surfaceOf); why != "" {
				http.Error(w, why, http.StatusBadRequest)
				return
			}
			if surfaceOf != nil && !v.mayEnter(r) {
				nothingHere(w, path)
				return
			}
		}
		switch r.Method {
		case http.MethodPost:
			read, paid = e.post(w, r, v)
		case http.MethodGet:
			e.get(w, r, v)
		case http.MethodDelete:
			e.delete(w, r, v)
		case http.MethodOptions:
			preflight(w)
		default:
			w.Header().Set("Allow", "POST, GET, DELETE, OPTIONS")
			http.Error(w, "this method is not part of MCP", http.StatusMethodNotAllowed)
		}
	})
}

// recovered keeps a bug from taking the connection's log and the client's
// patience: 500 without detail.
func (e *Edge) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http panics with this very value.
		panic(v)
	}
	e.logPanic(r.Method, v)
	http.Error(w, "internal error of the gateway", http.StatusInternalServerError)
}

// giveUpBody bounds how long a client may owe the rest of a body that is not
// going to be read: net/http waits for it before it answers. The deadline ends
// with the request.
func giveUpBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(owedTimeout))
	}
}

// post serves a POST. It reports whether it has read the body to its end, and
// whether whoever floods with such requests has waited for it already.
func (e *Edge) post(w http.ResponseWriter, r *http.Request, v visitor) (read, paid bool) {
	if err := e.inFlight.begin(); err != nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return false, false
	}
	defer e.inFlight.end()
	if !isJSON(r.Header.Get("Content-Type")) {
		http.Error(w, "the content type must be application/json", http.StatusUnsupportedMediaType)
		return false, false
	}
	out := e.newReply(w, r)
	defer out.end()
	out.share = e.opts.Budget.ShareOf(cmp.Or(v.who.ID(), addressOf(r, v.who)))
	in := newBuffer()
	whole, ok := e.readBody(w, r, v.who, in.bytes, &out.share)
	if !ok {
		return false, false
	}
	body := withoutMark(whole)
	if !out.share.Grow(worked(len(whole))) {
		tooHeavy(w)
		return true, true
	}
	switch call, quick := quickToolRequest(body); {
	case quick && headersFit(r.Header, call):
		e.postCall(w, r, v, call, out)
		in.free(whole) // Nothing of a call is kept after its end.
	case isBatch(body):
		e.postBatch(w, r, v, body, out)
	default:
		e.slowRequest(r, v.who)
		e.postMessage(w, r, v, body, out)
	}
	return true, true
}

// isJSON reports whether a content type is that of JSON.
func isJSON(contentType string) bool {
	if contentType == jsonType {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == jsonType
}

// postCall serves a tools/call that has been read, under headers that fit.
func (e *Edge) postCall(w http.ResponseWriter, r *http.Request, v visitor, call toolRequest, out *reply) {
	p := v.peer(r)
	if !call.stateless {
		var ok bool
		if p, ok = e.sessionOf(w, r, v); !ok {
			e.slowRequest(r, v.who) // A call has its place instead; this became none.
			return
		}
	}
	if failure := p.checkParams(r.Header, call); failure != nil {
		a := failureAnswer(call.id, failure)
		out.finish(a, statusOf(a, true))
		return
	}
	p.deaf = !out.canStream
	out.enter(running)
	ctx, stop := r.Context(), func() {}
	if !call.stateless {
		ctx, stop = out.outlive(p, r)
	}
	defer stop()
	a := e.beginCall(ctx, p, call, nil, out.notify)()
	out.finish(a, statusOf(a, call.stateless))
}

func (e *Edge) postMessage(w http.ResponseWriter, r *http.Request, v visitor, body []byte, out *reply) {
	m, failure := parseMessage(body)
	if failure != nil {
		e.slowDown(r.Context(), v.peer(r), costNotice, len(body))
		version := cmp.Or(r.Header.Get(headerVersion), mcp.ProtocolVersion20250326)
		a := failureAnswer(orNull(m.id, version), failure)
		out.finish(a, statusOf(a, mcp.IsModernProtocol(version)))
		return
	}
	if isStateless(r.Header, m) {
		e.postStateless(r, v, m, out)
		return
	}
	initialize := m.isRequest() && m.method == string(mcp.MethodInitialize)
	p := v.peer(r)
	if !initialize {
		var ok bool
		if p, ok = e.sessionOf(w, r, v); !ok {
			return
		}
	}
	p.deaf = !out.canStream
	if initialize { // Its answer has a header to come.
		out.enter(settling)
	} else {
		out.enter(running)
	}
	ctx, stop := out.outlive(p, r)
	defer stop()
	a := e.serve(ctx, p, m, nil, out.notify)
	if revision, _ := p.known(); initialize && revision != "" {
		w.Header().Set(headerSession, e.sessions.create(p, time.Now()))
	}
	out.finish(a, statusOf(a, false))
}

// postStateless serves a message of 2026-07-28, which has no sessions: the client
// cancels a call by closing its connection.
func (e *Edge) postStateless(r *http.Request, v visitor, m message, out *reply) {
	if m.isRequest() {
		if failure := checkStateless(r.Header, m); failure != nil {
			out.finish(failureAnswer(m.id, failure), http.StatusBadRequest)
			return
		}
	}
	p := v.peer(r)
	if m.isToolCall() && p.surface != nil {
		call, failure := readToolRequest(m, p.served())
		if failure == nil {
			failure = p.checkParams(r.Header, call)
		}
		if failure != nil {
			a := failureAnswer(m.id, failure)
			out.finish(a, statusOf(a, true))
			return
		}
	}
	out.enter(running)
	a := e.serve(r.Context(), p, m, nil, out.notify)
	out.finish(a, statusOf(a, true))
}

func (e *Edge) postBatch(w http.ResponseWriter, r *http.Request, v visitor, body []byte, out *reply) {
	p, ok := e.sessionOf(w, r, v)
	if !ok {
		e.slowRequest(r, v.who)
		return
	}
	out.enter(running)
	a := e.serveBatch(r.Context(), p, body, out.notify)
	out.finish(a, statusOf(a, false))
}

// readBody reads the body into b, within its limits, or answers that it cannot.
func (e *Edge) readBody(w http.ResponseWriter, r *http.Request, who *identity.Caller, b []byte, share *weight.Share) ([]byte, bool) {
	limited := http.MaxBytesReader(w, r.Body, int64(e.opts.MaxMessageBytes))
	toil := func(bytes int) {
		e.inFlight.toil(r.Context(), fair.Owner{Who: cmp.Or(who.ID(), addressOf(r, who))}, bytes)
	}
	body, err := readInto(b, limited, int(r.ContentLength), share, toil)
	switch {
	case err == nil:
		return body, true
	case errors.Is(err, errHeavy):
		_, _ = io.Copy(io.Discard, limited) // A client hears nothing while it sends.
		tooHeavy(w)
		return nil, false
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		why := fmt.Sprintf("the body has more than %d bytes", e.opts.MaxMessageBytes)
		http.Error(w, why, http.StatusRequestEntityTooLarge)
		return nil, false
	}
	w.Header().Set("Connection", "close")
	http.Error(w, "cannot read the body", http.StatusBadRequest)
	return nil, false
}

// tooHeavy refuses a request while others fill the budget.
func tooHeavy(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, errHeavy.Error(), http.StatusServiceUnavailable)
}

// worked is what a message of that size takes while it is served: it is copied
// to be changed, and once more for the wire.
func worked(size int) int {
	if size <= weight.Light {
		return 0
	}
	return 3 * size
}

// maxPiece is how much of a body is read before it is looked whether its sender
// should wait.
const maxPiece = 256 << 10

// readInto is io.ReadAll into b. size is what was announced, -1 for nothing: it
// is believed as far as the bytes come. It calls toil for each piece of a large
// body.
func readInto(b []byte, from io.Reader, size int, share *weight.Share, toil func(bytes int)) ([]byte, error) {
	for due := maxPiece; ; {
		n, err := from.Read(b[len(b):min(cap(b), len(b)+maxPiece)])
		if b = b[:len(b)+n]; len(b) >= due {
			toil(len(b) - due + maxPiece)
			due = len(b) + maxPiece
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err //nolint:wrapcheck // The caller knows by it what happened.
		case len(b) == cap(b):
			room := 2 * cap(b)
			if len(b) <= size {
				room = min(max(room, maxPooled), size+1)
			}
			if !share.Grow(room) {
				return b, errHeavy
			}
			b = append(make([]byte, 0, room), b...)
		}
	}
}

// sessionOf finds the conversation that a request of a revision before
// 2026-07-28 belongs to, or answers that it cannot.
func (e *Edge) sessionOf(w http.ResponseWriter, r *http.Request, v visitor) (*peer, bool) {
	p := v.peer(r)
	p.revision = revisionWithout
	if version := r.Header.Get(headerVersion); version != "" {
		if !slices.Contains(httpRevisions, version) {
			http.Error(w, "this protocol version is not served over HTTP", http.StatusBadRequest)
			return nil, false
		}
		p.revision = version
	}
	id := r.Header.Get(headerSession)
	if id == "" {
		return p, true
	}
	found, ok := e.session(&v, id)
	if !ok {
		http.Error(w, "there is no such session: initialize again", http.StatusNotFound)
		return nil, false
	}
	found.join(p)
	return p, true
}

// get holds a listening stream open until the client, its session or the edge
// ends it.
func (e *Edge) get(w http.ResponseWriter, r *http.Request, v visitor) {
	if mcp.IsModernProtocol(r.Header.Get(headerVersion)) {
		e.notInStateless(w)
		return
	}
	if !acceptsEvents(r) {
		http.Error(w, "Accept must include text/event-stream", http.StatusNotAcceptable)
		return
	}
	p, ok := e.sessionOf(w, r, v)
	if !ok {
		return
	}
	if e.resume(w, r, v, p) {
		return
	}
	ctx, end, ok := e.openStream(w, r, v, p)
	if !ok {
		return
	}
	defer end()
	out := e.newReply(w, r)
	defer out.end()
	out.listening(p, r.Header.Get(headerLastEvent))
	defer func() { out.leave(r.Context().Err() == nil) }()
	out.enter(running)
	if p.asks != nil {
		defer p.asks.attach(out.event)()
	}
	if seen := e.listsOf(p); seen != nil {
		if p.told == nil { // The session is one of before a restart.
			p.tell(e.newTold(p, seen.Marks(p.caller())))
		}
		watching := make(chan struct{})
		go func() { // Ends with the stream.
			defer close(watching)
			watch(ctx, seen, p.caller(), p.told, func(kind ListKind) { out.event(changeNotice(kind)) })
		}()
		defer func() { end(); <-watching }()
	}
	if inbox := p.mail(); inbox != nil {
		delivered := make(chan struct{})
		go func() { // Ends with the stream.
			defer close(delivered)
			inbox.Deliver(ctx, func(method string, params json.RawMessage) { out.event(oneLine(olderNotice(method, params))) })
		}()
		defer func() { end(); <-delivered }()
	}
	e.listenUntil(ctx, v.who)
}

// openStream counts a GET stream in, or answers that it may not be open. end must
// follow, and ends its context.
func (e *Edge) openStream(w http.ResponseWriter, r *http.Request, v visitor, p *peer) (ctx context.Context, end func(), ok bool) {
	ctx, cancel := context.WithCancel(r.Context())
	s := &stream{session: p.session, who: v.who, owner: cmp.Or(v.who.ID(), p.from), end: cancel}
	if err := e.inFlight.listen(s); err != nil {
		cancel()
		w.Header().Set("Retry-After", "1")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return nil, nil, false
	}
	end = func() { e.inFlight.unlisten(s); cancel() }
	if !e.opts.Accepted(v.who) { // Since Recheck may have come between.
		end()
		http.Error(w, errRevoked.Error(), http.StatusUnauthorized)
		return nil, nil, false
	}
	return ctx, end, true
}

// listenUntil blocks until the stream ends, at the latest soon after the time of
// its credential is over.
func (e *Edge) listenUntil(ctx context.Context, who *identity.Caller) {
	look := time.NewTicker(e.opts.KeepAlive)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			if !e.opts.Accepted(who) {
				return
			}
		}
	}
}

func (e *Edge) delete(w http.ResponseWriter, r *http.Request, v visitor) {
	if mcp.IsModernProtocol(r.Header.Get(headerVersion)) {
		e.notInStateless(w)
		return
	}
	p, ok := e.sessionOf(w, r, v)
	if !ok {
		return
	}
	if p.session == "" {
		http.Error(w, headerSession+" is missing", http.StatusBadRequest)
		return
	}
	e.sessions.remove(p.session, time.Now())
	e.inFlight.endSession(p.session)
	w.WriteHeader(http.StatusOK)
}

func (e *Edge) notInStateless(w http.ResponseWriter) {
	w.Header().Set("Allow", "POST, OPTIONS")
	http.Error(w, "protocol version 2026-07-28 has no sessions and no standalone streams", http.StatusMethodNotAllowed)
}
