package agents

import (
	"encoding/json"
	"sync/atomic"
	"time"

	"gatehouse/internal/weight"
)

// Reading is what a reading of a tools/call found, for tests.
type Reading struct {
	ID, Args, Meta, Token, Version, Client, Capabilities, InputResponses, RequestState json.RawMessage
	Name                                                                               string
	Stateless                                                                          bool
}

// ReadQuickly returns what the one scan of a message finds; false if it leaves
// the message to Read.
func ReadQuickly(b []byte) (Reading, bool) {
	r, ok := quickToolRequest(b)
	return requestOf(r), ok
}

// Read returns what is found of any message; false if it is not a tools/call or
// something is wrong with it.
func Read(b []byte) (Reading, bool) {
	m, failure := parseMessage(b)
	if failure != nil || !m.isToolCall() {
		return Reading{}, false
	}
	r, failure := readToolRequest(m, httpRevisions)
	return requestOf(r), failure == nil
}

func requestOf(r toolRequest) Reading {
	return Reading{
		ID: r.id, Name: r.name, Args: r.args, InputResponses: r.inputResponses, RequestState: r.requestState, Stateless: r.stateless,
		Meta: r.meta.whole, Token: r.meta.token, Version: r.meta.version, Client: r.meta.client, Capabilities: r.meta.capabilities,
	}
}

// Sessions are what is remembered of sessions, for tests.
type Sessions struct{ s *sessions }

// NewSessions remembers nothing yet.
func NewSessions() Sessions { return Sessions{newSessions(time.Hour, newReplays(time.Minute))} }

// NewIdleSessions remembers nothing yet, and forgets what is idle for so long.
func NewIdleSessions(ttl time.Duration) Sessions {
	return Sessions{newSessions(ttl, newReplays(time.Minute))}
}

// Attach opens a stream of a session.
func (s Sessions) Attach(id string) (detach func()) {
	return s.s.open[id].Value.(*session).asks.attach(func([]byte) {})
}

// Remembers is IsOpen without being a sign of life.
func (s Sessions) Remembers(id string) bool { return s.s.open[id] != nil }

// Open opens a session for a client at an address.
func (s Sessions) Open(from string) (id string) {
	return s.s.create(&peer{http: true, from: from, revision: "2025-11-25", asks: newClient(&atomic.Uint64{})}, time.Now())
}

// IsOpen reports whether a session is remembered.
func (s Sessions) IsOpen(id string) bool {
	_, state := s.s.look(id)
	return state == sessionOpen
}

// MaxSessions is how many are.
const MaxSessions = maxSessions

// Streams are the streams of a session, for tests.
type Streams struct{ r *replay }

// NewStreams makes sessions of owners, of which at most so many bytes are kept
// together.
func NewStreams(most int64, owners ...string) (list []Streams) {
	all := newReplays(time.Minute)
	all.most = most
	for _, owner := range owners {
		list = append(list, Streams{all.of(owner)})
	}
	return list
}

// Stream begins a stream that nobody reads and returns what tells an event on it.
func (s Streams) Stream() (tell func(body []byte) (id string)) {
	stream := s.r.open(nil, func() {})
	return func(body []byte) string {
		_, event := stream.add(body)
		return stream.id(event)
	}
}

// Has reports whether a client can go on after an event.
func (s Streams) Has(id string) bool {
	_, _, ok := s.r.find(id)
	return ok
}

// Bytes is how much is kept.
func (s Streams) Bytes() int64 { return s.r.bytes.Load() }

// Left is how many streams are remembered.
func (s Streams) Left() int {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return len(s.r.streams)
}

// Asked is a client that servers may ask.
type Asked struct{ *Client }

// NewAsked makes one that counts its own strays.
func NewAsked() Asked { return Asked{newClient(&atomic.Uint64{})} }

// Attach is the opening of a stream of its session.
func (a Asked) Attach(send func(body []byte)) (detach func()) { return a.attach(send) }

// Answered is the arrival of an answer.
func (a Asked) Answered(body string) { a.answered([]byte(body), a.strays) }

// Speaks is a request of 2026-07-28 that says what its client can be asked for.
func (a Asked) Speaks(capabilities string) { a.speaks([]byte(capabilities)) }

// End is the end of its session.
func (a Asked) End() { a.end() }

// Strays is how many answers nobody waited for.
func (a Asked) Strays() uint64 { return a.strays.Load() }

// Progress is that of a call, for tests.
type Progress struct{ p *progress }

// NewProgress has progress sent by notify.
func NewProgress(notify func([]byte)) Progress {
	return NewProgressOf(weight.New(1<<20, time.Now), notify)
}

// NewProgressOf has what waits take of a budget.
func NewProgressOf(budget *weight.Budget, notify func([]byte)) Progress {
	return Progress{startProgress(json.RawMessage("1"), budget, notify)}
}

// Report reports a progress of nothing.
func (p Progress) Report() { p.Tell("{}") }

// Tell reports a progress with these params.
func (p Progress) Tell(params string) { p.p.report(json.RawMessage(params)) }

// Mute is called before a round of the call is answered.
func (p Progress) Mute() { p.p.mute() }

// Finish is called before the call is answered.
func (p Progress) Finish() { p.p.finish(false) }

// Decoding is the beginning of the decoding of a value of that size.
func Decoding(size int) (done func()) { return decoding(size) }

// MaxDecodes is how many large values are decoded at a time.
const MaxDecodes = maxDecodes
