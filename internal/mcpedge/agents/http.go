package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/identity"
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
// POST takes one message or batch. GET opens a stream for what the session is told
// unasked: changes of lists, log messages, questions of servers. DELETE ends a session and cancels
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
	return e.serveAt(surfaceOf, path, false)
}

// PassedOnAt is HandlerAt for requests that another node of the fleet passes on: it has
// checked Host, Origin and how many connections there are. Who sent a request is asked
// here too. A session that is not here is nowhere.
func (e *Edge) PassedOnAt(surfaceOf func(*http.Request) Surface, path string) http.Handler {
	return e.serveAt(surfaceOf, path, true)
}

func (e *Edge) serveAt(surfaceOf func(*http.Request) Surface, path string, passedOn bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer e.recovered(w, r)
		read, paid := false, false
		var v visitor
		defer func() {
			if !paid {
				e.slowRequest(r, v.who) // What it is told waits for that too.
			}
			if !read {
				giveUpBody(w, r)
			}
		}()
		v, ok := e.letIn(w, r, passedOn)
		if !ok {
			return
		}
		if r.Method != http.MethodOptions && (surfaceOf != nil || r.URL.RawQuery != "") {
			if why := v.locate(r, surfaceOf); why != "" {
				http.Error(w, why, http.StatusBadRequest)
				return
			}
			if surfaceOf != nil && !v.mayEnter(r) {
				nothingHere(w, path)
				return
			}
			if paid = e.passOn(w, r, v); paid { // There it has waited, if its sender floods.
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

// letIn finds out who sends a request, or answers it and returns false.
func (e *Edge) letIn(w http.ResponseWriter, r *http.Request, passedOn bool) (v visitor, ok bool) {
	v.passedOn = passedOn
	if !passedOn && !e.welcome(w, r) {
		return v, false
	}
	if name := repeated(r.Header); name != "" {
		http.Error(w, "the header "+name+" must come once", http.StatusBadRequest)
		return v, false
	}
	if e.opts.Authorize != nil && r.Method != http.MethodOptions {
		if v.who, ok = e.opts.Authorize(w, r); !ok {
			return v, false
		}
	}
	if !passedOn && !e.opts.Arrived(r, cmp.Or(v.who.ID(), addressOf(r, v.who))) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many connections are open, most of them yours", http.StatusServiceUnavailable)
		return v, false
	}
	return v, true
}

// welcome looks at what web pages and people with browsers send. It returns false once it
// has answered.
func (e *Edge) welcome(w http.ResponseWriter, r *http.Request) bool {
	if why := e.origins.forbidden(r); why != "" {
		http.Error(w, why, http.StatusForbidden)
		return false
	}
	if wantsPage(r) {
		showPage(w, r, r.URL.Path)
		return false
	}
	allowCORS(w.Header(), r.Header.Get("Origin"))
	return true
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

// peerOf is who sent a request: of a conversation if it belongs to one. Otherwise it
// has answered why it does not.
func (e *Edge) peerOf(w http.ResponseWriter, r *http.Request, v visitor, inSession bool) (*peer, bool) {
	if inSession {
		return e.sessionOf(w, r, v)
	}
	return v.peer(r), true
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
