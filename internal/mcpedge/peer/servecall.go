package peer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/tracecontext"
	"gatehouse/internal/weight"
)

// levelWait is how long a call waits for its server to be asked for log messages.
const levelWait = 2 * time.Second

// ofGateway are the methods of which gateways make requests for no agent. They have no
// id, and take no place among the calls in flight.
var ofGateway = map[string]bool{
	methodFollow: true, "tools/list": true, "prompts/list": true, "resources/list": true, "resources/templates/list": true,
	"tasks/cancel": true, // Of a task that nobody waits for any more.
}

// maxWait is how long a call without a deadline may wait for its turn and run.
const maxWait = maxTimeout

// call runs a call of another gateway. All that can refuse it is looked at before its
// body is read, which is what asks for the body.
func (s *Server) call(w http.ResponseWriter, r *http.Request, key string, h *head) {
	if h.method == "" || h.epoch == 0 {
		badRequest(w, errNoMethod)
		return
	}
	timeout := h.timeout
	if timeout == 0 {
		timeout = maxWait
	}
	if h.by.ID == "" && !ofGateway[h.method] {
		badRequest(w, errNoCall)
		return
	}
	if h.method == methodFollow {
		done, refusal := s.follows.begin(key, r.RemoteAddr, h.gateway, time.Now())
		if refusal != nil {
			fail(w, refusal)
			return
		}
		defer done()
	}
	deadline := time.Now().Add(timeout)
	ctx, stop := context.WithDeadlineCause(r.Context(), deadline, endpoint.ErrDeadline)
	defer stop()
	a := &admission{server: s, key: key, head: h}
	defer a.leave()
	if refusal := a.enter(ctx); refusal != nil {
		fail(w, refusal)
		return
	}
	share := s.cfg.Budget.ShareOf(h.by.Origin)
	defer share.Release()
	params, refusal := readParams(w, r, h, &share)
	if refusal != nil {
		fail(w, refusal)
		return
	}
	// The body took a while. What has changed since is noticed here, and by the fence.
	owned, st, refusal := s.reach(key, h)
	if refusal != nil {
		fail(w, refusal)
		return
	}
	if refusal = s.decide(ctx, key, h, owned, params); refusal != nil {
		fail(w, refusal)
		return
	}
	events := newStream(w, s.cfg.AnswerTime, stop)
	req := s.request(r, h, params, deadline, events)
	var answers weight.Share
	if s.cfg.Budget != nil {
		answers = s.cfg.Budget.ShareOf(h.by.Origin)
	}
	defer answers.Release()
	req.Weight = &answers
	resp, err := s.run(ctx, key, owned, st.Session, req, events)
	a.leave() // Whoever reads slowly takes no place of others.
	answer(w, events, resp, err, owned.redact)
}

// run has the session answer a request, or does what it asks of the gateway itself.
func (s *Server) run(ctx context.Context, key string, owned Owned, session endpoint.Session, req endpoint.Request, events *stream) (endpoint.Response, error) {
	if req.Method == methodFollow {
		return endpoint.Response{}, s.follow(ctx, key, owned, req.Params, func(method string, params any) { tellNotice(events, method, params) })
	}
	defer logsOf(ctx, owned, session.Info(), req, events)()
	return session.Call(ctx, req)
}

// request is what the owner's session is asked.
func (s *Server) request(r *http.Request, h *head, params []byte, deadline time.Time, events *stream) endpoint.Request {
	req := endpoint.Request{
		Method: h.method, Params: params, Deadline: deadline, MaxBytes: h.maxRequest, MaxResultBytes: h.maxResult,
		LogLevel: h.level, Capabilities: h.client, Generation: h.generation, By: h.by, Trace: tracecontext.OfHeaders(r.Header),
	}
	if h.wanted(wantsProgress) {
		req.Progress = func(params json.RawMessage) { events.tell(eventProgress, params) }
	}
	if h.wanted(wantsLasts) {
		req.Lasts = func() { events.tell(eventLasts, []byte("{}")) }
	}
	if h.wanted(wantsNotices) {
		req.Notice = func(method string, params json.RawMessage) { tellNotice(events, method, params) }
	}
	return req
}

// logsOf has a call that wants log messages hear what its server says to all meanwhile,
// on its own stream: ahead of the answer. It returns what ends that.
func logsOf(ctx context.Context, owned Owned, info endpoint.ServerInfo, req endpoint.Request, events *stream) (end func()) {
	if req.LogLevel == 0 || req.Notice == nil || info.Capability("logging") == nil {
		return func() {}
	}
	notices := owned.Cell.Notices()
	logger := notices.Log(req.LogLevel, func(params json.RawMessage) { tellNotice(events, endpoint.NoticeLogged, params) })
	if !info.Stateless() {
		soon, cancel := context.WithTimeout(ctx, levelWait)
		notices.AwaitLevel(soon, req.LogLevel)
		cancel()
	}
	return logger.Rest
}

// tellNotice queues a notification. One that nobody reads in time costs nothing.
func tellNotice(events *stream, method string, params any) {
	if !events.takes() {
		return
	}
	raw, err := rawjson.Marshal(params)
	if err != nil {
		return // It is JSON already, or made of texts.
	}
	if text, err := rawjson.Marshal(notice{method, raw}); err == nil {
		events.tell(eventNotice, text)
	}
}

// readParams reads the body of a call, if there is room for it. Whatever keeps it from
// being read whole keeps the call from running.
func readParams(w http.ResponseWriter, r *http.Request, h *head, share *weight.Share) ([]byte, *failure) {
	limit := int64(maxRequestBytes)
	if h.maxRequest > 0 {
		limit = h.maxRequest
	}
	if h.method == methodFollow {
		limit = maxWishesBytes
	}
	size := r.ContentLength
	switch {
	case size < 0 || size > limit:
		return nil, &failure{Kind: kindTooLongRequest, Size: size, Limit: limit}
	case !share.Grow(int(size)):
		return nil, &failure{Kind: kindFull, Reason: "the gateway that runs it has no room for the request"}
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime + time.Duration(size>>20)*time.Second)) // A test's recorder has none.
	params := make([]byte, size)
	if _, err := io.ReadFull(r.Body, params); err != nil {
		return nil, &failure{Kind: kindNotReady, Reason: "the request did not come whole"}
	}
	_ = control.SetReadDeadline(time.Time{})
	if string(params) == "null" {
		return nil, nil
	}
	return params, nil
}

// answer writes the answer: plain, or as the end of a stream that has begun.
func answer(w http.ResponseWriter, events *stream, resp endpoint.Response, err error, redact func(string) string) {
	var f *failure
	what, text := answerResult, resp.Result
	switch {
	case err != nil:
		f = failureOf(err, redact)
	case resp.Error != nil:
		what, text = answerError, redactedJSON(resp.Error, redact)
		if text == nil {
			text = json.RawMessage(`{"code":-32603,"message":"[redacted]"}`)
		}
	}
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(events.patient + time.Duration(len(text)>>20)*time.Second)) // A test's recorder has none.
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }()
	if f != nil {
		if !events.finish(answerFailure, func() []byte { return encoded(f) }) {
			fail(w, f)
		}
		return
	}
	if events.finish(what, func() []byte { return text }) {
		return
	}
	head := w.Header()
	head["Content-Type"] = []string{mediaJSON}
	head["Content-Length"] = []string{strconv.Itoa(len(text))}
	head[headerAnswer] = []string{what}
	_, _ = w.Write(text) // Who asked is gone, then.
}

func encoded(f *failure) []byte {
	text, err := json.Marshal(f)
	if err != nil {
		return []byte(`{"kind":"lost","reason":"the failure cannot be written"}`)
	}
	return text
}
