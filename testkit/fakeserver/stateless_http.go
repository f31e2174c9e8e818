package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// postStateless is one request of 2026-07-28 over HTTP. The answer is JSON, or a
// stream of events where a notification comes first.
func (s *server) postStateless(w http.ResponseWriter, r *http.Request, m message) {
	p := &statelessPeer{w: w}
	if m.ID == nil {
		s.handle(p, "", m)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if fault := s.judgeHeaders(r, m); fault != nil {
		replyError(p, m.ID, fault.code, fault.text, fault.data)
		return
	}
	stop := context.AfterFunc(r.Context(), func() { // The client cancels by going away.
		s.cancelled("", message{Params: fmt.Appendf(nil, `{"requestId":%s}`, m.ID)})
	})
	defer stop()
	s.handle(p, "", m)
	s.mu.Lock()
	sub := s.subscribers[string(m.ID)]
	s.mu.Unlock()
	switch {
	case sub != nil && m.Method == "subscriptions/listen":
		select {
		case <-sub.over:
		case <-r.Context().Done():
			s.unsubscribe(m.ID)
		}
	case !p.wrote():
		<-r.Context().Done() // Told never to answer.
	}
}

// judgeHeaders is strict about what 2026-07-28 asks of headers.
func (s *server) judgeHeaders(r *http.Request, m message) *rpcFault {
	var params struct {
		URI       string
		Name      string
		Arguments map[string]json.RawMessage
	}
	_ = json.Unmarshal(m.Params, &params) // Bad params have no name.
	var version string
	_ = json.Unmarshal(m.meta()[metaVersion], &version)
	h := r.Header
	switch {
	case m.Method == "initialize": // It will be refused by its method.
	case h.Get(sessionHeader) != "" || h.Get("Last-Event-ID") != "":
		return &rpcFault{-32020, "a header of an older revision", nil}
	case h.Get("Mcp-Protocol-Version") != version:
		return &rpcFault{-32020, "Mcp-Protocol-Version differs", nil}
	case h.Get("Mcp-Method") != m.Method:
		return &rpcFault{-32020, "Mcp-Method differs", nil}
	case (m.Method == "tools/call" || m.Method == "prompts/get") && decodeHeader(h.Get("Mcp-Name")) != params.Name,
		m.Method == "resources/read" && decodeHeader(h.Get("Mcp-Name")) != params.URI:
		return &rpcFault{-32020, "Mcp-Name differs", nil}
	case !strings.Contains(h.Get("Accept"), "application/json") || !strings.Contains(h.Get("Accept"), "text/event-stream"):
		return &rpcFault{-32600, "Accept lacks a type", nil}
	case params.Name == "region":
		var region string
		_ = json.Unmarshal(params.Arguments["region"], &region)
		var deep struct{ N json.Number }
		_ = json.Unmarshal(params.Arguments["deep"], &deep)
		if decodeHeader(h.Get("Mcp-Param-Region")) != region || h.Get("Mcp-Param-Deep-N") != deep.N.String() {
			return &rpcFault{-32020, "a parameter's header differs", nil}
		}
	}
	return nil
}

func decodeHeader(v string) string {
	if coded, ok := strings.CutPrefix(v, "=?base64?"); ok {
		plain, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(coded, "?="))
		if err == nil {
			return string(plain)
		}
	}
	return v
}

// statelessPeer answers as JSON with the status that belongs to it, unless a
// notification comes first.
type statelessPeer struct {
	mu     sync.Mutex
	w      http.ResponseWriter
	events *ssePeer
	done   bool
}

func (p *statelessPeer) send(msg []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	var m struct {
		Method string
		Error  struct{ Code int }
	}
	_ = json.Unmarshal(msg, &m) // It is ours.
	if p.events == nil && m.Method != "" {
		p.events = newSSEPeer(p.w)
	}
	if p.events != nil {
		p.events.send(msg)
		return
	}
	p.w.Header().Set("Content-Type", "application/json")
	p.w.WriteHeader(statusOf(m.Error.Code))
	_, _ = p.w.Write(msg)
}

// wrote reports whether anything was answered.
func (p *statelessPeer) wrote() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func statusOf(code int) int {
	switch code {
	case -32601:
		return http.StatusNotFound
	case -32020, -32021, -32022, -32600, -32602, -32700:
		return http.StatusBadRequest
	default:
		return http.StatusOK
	}
}
