package main

import (
	"encoding/json"
	"net/http"
	"os"
	"sync"
)

// event is one line of the record file. testkit.Record reads the same shape.
type event struct {
	Event   string          `json:"event"` // start, stop, call, cancelled, message
	PID     int             `json:"pid"`
	Tag     string          `json:"tag,omitempty"`
	Tool    string          `json:"tool,omitempty"`
	ID      json.RawMessage `json:"id,omitempty"`      // the call's own "id" argument
	Request json.RawMessage `json:"request,omitempty"` // the JSON-RPC id
	Method  string          `json:"method,omitempty"`  // of a message
	Params  json.RawMessage `json:"params,omitempty"`  // of a message
	// Proto is the HTTP version of a message that came over HTTP.
	Proto string `json:"proto,omitempty"`
}

// recordMessage records a message, if the flags ask for it.
func (s *server) recordMessage(m message, r *http.Request) {
	if !s.opt.recordAll {
		return
	}
	e := event{Event: "message", Request: m.ID, Method: m.Method, Params: m.Params}
	if r != nil {
		e.Proto = r.Proto
	}
	s.rec.write(e)
}

// recorder appends events to a file that several processes may share: every
// line is one write on a descriptor opened with O_APPEND.
type recorder struct {
	mu  sync.Mutex
	f   *os.File
	tag string
}

// newRecorder opens the file; an empty path gives a recorder that drops all.
func newRecorder(path, tag string) *recorder {
	r := &recorder{tag: tag}
	if path == "" {
		return r
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err) // A test without its evidence must not go on.
	}
	r.f = f
	return r
}

func (r *recorder) write(e event) {
	if r.f == nil {
		return
	}
	e.PID, e.Tag = os.Getpid(), r.tag
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.f.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}
