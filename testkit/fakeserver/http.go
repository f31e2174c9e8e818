package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

const sessionHeader = "Mcp-Session-Id"

var sessionCounter atomic.Int64

// serveHTTP serves streamable HTTP at /mcp and SSE at /sse until the process
// is killed. The first line on stdout is {"listening":"http://ADDR"}.
func (s *server) serveHTTP(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("{\"listening\":\"http://%s\"}\n", l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", s.post)
	mux.HandleFunc("GET /mcp", s.listen)
	mux.HandleFunc("DELETE /mcp", s.deleteSession)
	mux.HandleFunc("GET /sse", s.sse)
	mux.HandleFunc("POST /messages", s.ssePost)
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.opt.httpStatus != 0 {
			http.Error(w, "as told", s.opt.httpStatus)
			return
		}
		mux.ServeHTTP(w, r)
	}))
}

// ssePeer writes messages as server-sent events.
type ssePeer struct {
	mu sync.Mutex
	w  http.ResponseWriter
}

func newSSEPeer(w http.ResponseWriter) *ssePeer {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	p := &ssePeer{w: w}
	p.flush()
	return p
}

func (p *ssePeer) flush() { _ = http.NewResponseController(p.w).Flush() }

func (p *ssePeer) send(msg []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprint(p.w, "event: message\n")
	for line := range bytes.Lines(bytes.ReplaceAll(msg, []byte("\r"), []byte("\n"))) {
		fmt.Fprintf(p.w, "data: %s\n", bytes.TrimSuffix(line, []byte("\n")))
	}
	fmt.Fprint(p.w, "\n")
	p.flush()
}

// bufferPeer keeps the one answer of a request that is answered as JSON.
type bufferPeer struct{ bytes.Buffer }

func (p *bufferPeer) send(msg []byte) { p.Write(msg) }

// open makes a new session; ch is nil for streamable HTTP.
func (s *server) open(ch chan<- []byte) string {
	id := "fake-" + strconv.FormatInt(sessionCounter.Add(1), 10)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[id] = ch
	return id
}

func (s *server) known(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.sessions[id]
	return ok
}

// post is one message over streamable HTTP. Tool calls are answered as an
// event stream, so that progress comes first; the rest as JSON.
func (s *server) post(w http.ResponseWriter, r *http.Request) {
	m, ok := s.readMessage(w, r)
	if !ok {
		return
	}
	s.recordMessage(m, r)
	version := r.Header.Get("Mcp-Protocol-Version")
	if s.opt.legacyStatus && version != "" && !slices.Contains(revisions, version) {
		http.Error(w, "Bad Request: Unsupported protocol version", http.StatusBadRequest)
		return
	}
	if s.isStateless(m) || (s.opt.era != eraLegacy && version == statelessRevision) {
		s.postStateless(w, r, m)
		return
	}
	session := r.Header.Get(sessionHeader)
	switch {
	case m.Method == "server/discover" && s.opt.noDiscover != "":
		refuseDiscover(w, s.opt.noDiscover)
		return
	case m.Method == "initialize":
		session = s.open(nil)
		w.Header().Set(sessionHeader, session)
	case m.Method == "server/discover":
		// Probes come before there is a session.
	case !s.known(session):
		s.refuseSession(w)
		return
	}
	if answerHTTP(w, m) {
		return
	}
	if m.ID == nil || m.Method == "" {
		s.handle(&bufferPeer{}, session, m)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if m.Method == "tools/call" && !asJSON(m) {
		s.handle(newSSEPeer(w), session, m)
		return
	}
	var p bufferPeer
	s.handle(&p, session, m)
	if p.Len() == 0 {
		<-r.Context().Done() // Told never to answer.
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(p.Bytes())
}

// listen is the GET stream of streamable HTTP.
func (s *server) listen(w http.ResponseWriter, r *http.Request) {
	if s.opt.era == eraStateless {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if !s.known(r.Header.Get(sessionHeader)) {
		s.refuseSession(w)
		return
	}
	s.hear(newSSEPeer(w), r)
}

// hear keeps p among the listeners until the request ends.
func (s *server) hear(p peer, r *http.Request) {
	s.mu.Lock()
	s.listens(p)
	s.mu.Unlock()
	<-r.Context().Done()
	s.mu.Lock()
	delete(s.listeners, p)
	s.mu.Unlock()
}

func (s *server) deleteSession(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, r.Header.Get(sessionHeader))
}

// sse is the stream of the older HTTP transport: its first event says where
// to post, all answers come over it.
func (s *server) sse(w http.ResponseWriter, r *http.Request) {
	ch := make(chan []byte, 64)
	session := s.open(ch)
	p := newSSEPeer(w)
	p.mu.Lock()
	fmt.Fprintf(w, "event: endpoint\ndata: /messages?session=%s\n\n", session)
	p.flush()
	p.mu.Unlock()
	go s.hear(p, r)
	for {
		select {
		case msg := <-ch:
			p.send(msg)
		case <-r.Context().Done():
			return
		}
	}
}

// chanPeer hands messages to a session's SSE stream.
type chanPeer chan<- []byte

func (p chanPeer) send(msg []byte) { p <- bytes.Clone(msg) }

func (s *server) ssePost(w http.ResponseWriter, r *http.Request) {
	session := r.URL.Query().Get("session")
	s.mu.Lock()
	ch := s.sessions[session]
	s.mu.Unlock()
	if ch == nil {
		http.Error(w, "no such session", http.StatusNotFound)
		return
	}
	m, ok := s.readMessage(w, r)
	if !ok {
		return
	}
	go s.handle(chanPeer(ch), session, m)
	w.WriteHeader(http.StatusAccepted)
}

func (s *server) readMessage(w http.ResponseWriter, r *http.Request) (message, bool) {
	body, err := io.ReadAll(r.Body)
	var m message
	if err == nil {
		s.transcribe(body)
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		http.Error(w, "bad message", http.StatusBadRequest)
		return message{}, false
	}
	return m, true
}
