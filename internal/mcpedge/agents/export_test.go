package agents

import (
	"encoding/json"
	"time"
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
func NewSessions() Sessions { return Sessions{newSessions(time.Hour)} }

// Open opens a session for a client at an address.
func (s Sessions) Open(from string) (id string) {
	return s.s.create(&peer{http: true, from: from, revision: "2025-11-25"}, time.Now())
}

// IsOpen reports whether a session is remembered.
func (s Sessions) IsOpen(id string) bool {
	_, state := s.s.look(id)
	return state == sessionOpen
}

// MaxSessions is how many are.
const MaxSessions = maxSessions
