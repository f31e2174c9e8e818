package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// revisions are the protocol revisions that initialize echoes.
var revisions = []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}

// message is any JSON-RPC message from the client.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// peer is where answers and notifications of one request go. send may be
// called from any goroutine and writes one whole message.
type peer interface{ send(msg []byte) }

// server is the state that all transports share.
type server struct {
	opt options
	rec *recorder

	mu          sync.Mutex
	extra       []string                 // extra tools, changed by set_tools
	resources   []string                 // more resources, changed by set_resources
	running     map[string]runningCall   // by session and request id
	listeners   map[peer]struct{}        // who hears unasked notifications
	heard       chan struct{}            // closed once somebody has begun to listen
	hears       sync.Once                // closes heard
	sessions    map[string]chan<- []byte // HTTP sessions; SSE ones have a channel
	subscribers map[string]*subscriber   // of 2026-07-28, by the id of their request
	wanted      map[string]bool          // resources that are subscribed to with a handshake
	level       int                      // of log messages, with a handshake: an index of levels
	questions   questions
	promised    int           // tasks
	greeted     time.Time     // when initialize has come
	listed      sync.Once     // closes wasListed
	wasListed   chan struct{} // tools/list was answered
}

// runningCall is a tools/call that is being run.
type runningCall struct {
	cancel context.CancelFunc
	id     json.RawMessage // its "id" argument
}

func newServer(opt options) *server {
	return &server{
		opt: opt, rec: newRecorder(opt.record, opt.tag),
		extra:       opt.extraTools(),
		running:     map[string]runningCall{},
		listeners:   map[peer]struct{}{},
		heard:       make(chan struct{}),
		sessions:    map[string]chan<- []byte{},
		subscribers: map[string]*subscriber{},
		wanted:      map[string]bool{},
		level:       len(levels),
		wasListed:   make(chan struct{}),
	}
}

// handle runs one message to its end; for a tools/call that is when the tool
// has ended.
func (s *server) handle(p peer, session string, m message) {
	if m.Method == "" {
		s.questions.answered(m)
		return
	}
	if s.opt.neverAnswer {
		return
	}
	if m.ID != nil && s.isStateless(m) {
		s.handleStateless(p, m)
		return
	}
	if m.ID == nil {
		s.notification(p, session, m)
		return
	}
	switch m.Method {
	case "initialize":
		s.initialize(p, m)
	case "ping":
		reply(p, m.ID, []byte(`{}`))
	case "tools/list":
		s.listTools(p, m)
	case "tools/call":
		s.callTool(p, session, m)
	default:
		s.unknown(p, m)
	}
}

func (s *server) unknown(p peer, m message) {
	if s.answerWhole(p, m) {
		return
	}
	s.mu.Lock()
	greeted := !s.greeted.IsZero()
	s.mu.Unlock()
	if s.opt.wantsInit && !greeted {
		select {}
	}
	if s.opt.legacyDies && !greeted {
		fmt.Fprintln(os.Stderr, "fakeserver: dying of an unknown method as told")
		os.Exit(s.opt.exitCode)
	}
	if !s.opt.legacySilent {
		replyError(p, m.ID, -32601, "Method not found", nil)
	}
}

func (s *server) initialize(p peer, m message) {
	if s.opt.dieInHandshake {
		fmt.Fprintln(os.Stderr, "fakeserver: dying in the handshake as told")
		os.Exit(s.opt.exitCode)
	}
	if s.opt.answerError {
		replyError(p, m.ID, -32000, "initialize refused as told", nil)
		return
	}
	var params struct {
		ProtocolVersion string `json:"protocolVersion"`
	}
	_ = json.Unmarshal(m.Params, &params) // A bad one gets the newest revision.
	version := params.ProtocolVersion
	if !slices.Contains(revisions, version) {
		version = revisions[len(revisions)-1]
	}
	s.mu.Lock()
	s.greeted = time.Now()
	s.questions.client = m.Params
	if stdio, ok := p.(*stdioPeer); ok {
		s.listens(stdio)
	}
	s.mu.Unlock()
	result := map[string]any{
		"protocolVersion": version,
		"capabilities":    s.capabilities(),
		"serverInfo":      map[string]any{"name": s.opt.name, "version": "1.0.0"},
	}
	if s.opt.instructions != "" {
		result["instructions"] = s.opt.instructions
	}
	reply(p, m.ID, marshal(result))
}

// capabilities are what the server declares.
func (s *server) capabilities() map[string]any {
	if s.opt.noTools {
		return s.wholeCapabilities(map[string]any{})
	}
	return s.taskCapabilities(s.wholeCapabilities(map[string]any{"tools": map[string]any{"listChanged": true}}))
}

func (s *server) notification(p peer, session string, m message) {
	switch m.Method {
	case "notifications/initialized":
		if s.opt.huge > 0 {
			sendHuge(p, s.opt.huge)
		}
	case "notifications/cancelled":
		s.cancelled(session, m)
	}
}

// cancelled ends the call that the notification names and records it, also
// when no such call is running any more.
func (s *server) cancelled(session string, m message) {
	var params struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	_ = json.Unmarshal(m.Params, &params) // Without an id nothing is found.
	s.mu.Lock()
	c, ok := s.running[session+" "+string(params.RequestID)]
	s.mu.Unlock()
	s.rec.write(event{Event: "cancelled", Request: params.RequestID, ID: c.id})
	s.unsubscribe(params.RequestID)
	if ok {
		c.cancel()
	}
}

// listTools answers one page; the cursor is the index of its first tool.
func (s *server) listTools(p peer, m message) {
	if s.opt.noTools {
		s.unknown(p, m)
		return
	}
	if result := s.listFile(); result != nil {
		reply(p, m.ID, result)
		s.listed.Do(func() { close(s.wasListed) })
		return
	}
	all := s.definitions()
	from := cursorOf(m)
	from = min(max(from, 0), len(all))
	to := len(all)
	if s.opt.page > 0 {
		to = min(from+s.opt.page, len(all))
	}
	out := []byte(`{"tools":[`)
	for i, def := range all[from:to] {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, def...)
	}
	out = append(out, ']')
	if to < len(all) {
		out = append(out, s.nextCursor(to)...)
	}
	if s.isStateless(m) {
		out = append(out, `,"resultType":"complete","ttlMs":0,"cacheScope":"private"`...)
	}
	reply(p, m.ID, append(out, '}'))
	if to == len(all) {
		s.listed.Do(func() { close(s.wasListed) })
	}
}

// cursorOf is the index at which a page begins.
func cursorOf(m message) int {
	var params struct {
		Cursor json.RawMessage `json:"cursor"`
	}
	_ = json.Unmarshal(m.Params, &params) // No cursor is the first page.
	from, _ := strconv.Atoi(strings.Trim(string(params.Cursor), `"`))
	return from
}

// nextCursor is the member that says where the next page begins.
func (s *server) nextCursor(to int) []byte {
	switch s.opt.cursors {
	case "number":
		return fmt.Appendf(nil, `,"nextCursor":%d`, to)
	case "same":
		return []byte(`,"nextCursor":"same"`)
	default:
		return fmt.Appendf(nil, `,"nextCursor":"%d"`, to)
	}
}

// broadcast sends a notification to everyone who listens.
func (s *server) broadcast(method string) {
	s.tell(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":%q}`, method))
}

// reply sends a result byte for byte as given.
func reply(p peer, id, result json.RawMessage) {
	msg := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":`, id)
	p.send(append(append(msg, result...), '}'))
}

// replyError sends a JSON-RPC error; data may be nil.
func replyError(p peer, id json.RawMessage, code int, text string, data json.RawMessage) {
	msg := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s`, id, code, marshal(text))
	if data != nil {
		msg = append(append(msg, `,"data":`...), data...)
	}
	p.send(append(msg, "}}"...))
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // Only values of our own are marshalled.
	}
	return b
}
