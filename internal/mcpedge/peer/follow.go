package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// methodFollow is not one of MCP: it asks the owner of a server to pass on what the
// server says unasked, for as long as the request lasts.
const methodFollow = "gatehouse/follow"

// Notices about the request itself.
const (
	noticeOpen    = "gatehouse/open"    // all is asked for
	noticeSettled = "gatehouse/settled" // what has become of the wish for a resource
	noticeTold    = "gatehouse/told"    // the server was asked for log messages
)

// wishes are the params of methodFollow.
type wishes struct {
	URIs  []string `json:"uris"`
	Tasks []string `json:"tasks,omitempty"` // the server's own ids
	Level string   `json:"level"`
}

// settled are the params of noticeSettled: the server's own error, or why there is none.
type settled struct {
	URI    string          `json:"uri,omitempty"`
	Task   string          `json:"task,omitempty"` // in place of the URI
	Error  json.RawMessage `json:"error,omitempty"`
	Failed string          `json:"failed,omitempty"`
}

// followAgain is how long a request to follow that has ended is not made again.
const followAgain = time.Second

// Follow asks the owner of a server for what agents want to hear of it, and for no
// more. It blocks until ctx or the session ends.
func Follow(ctx context.Context, session endpoint.Session, wanted *endpoint.Notices) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wanted.Forgotten()
	f := &following{session: session, wanted: wanted, end: func() {}}
	defer func() { f.end() }()
	for {
		want, changed := wanted.Wanted()
		over := f.follow(ctx, want)
		select {
		case <-changed:
		case <-over:
			pauseFor(ctx, followAgain)
		case <-session.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// following is what an owner has been asked for.
type following struct {
	session endpoint.Session
	wanted  *endpoint.Notices
	end     func() // ends the request
}

// follow makes a request for what is wanted now, and ends the one before once the owner
// has it. over is closed when it ends; nil without one.
func (f *following) follow(ctx context.Context, want endpoint.Wanted) (over <-chan struct{}) {
	before := f.end
	w := wishes{Level: want.Level.String(), URIs: []string{}}
	for topic := range want.Topics {
		if topic.Task {
			w.Tasks = append(w.Tasks, topic.Name)
		} else {
			w.URIs = append(w.URIs, topic.Name)
		}
	}
	if len(want.Topics) == 0 && want.Level == 0 {
		before()
		f.end = func() {}
		return nil
	}
	params, err := rawjson.Marshal(w)
	if err != nil {
		return nil // It is made of texts.
	}
	f.wanted.Telling(want.Level)
	own, end := context.WithCancel(ctx)
	open, done := make(chan struct{}, 1), make(chan struct{})
	go func() { // Ends with the request.
		defer close(done)
		_, _ = f.session.Call(own, endpoint.Request{Method: methodFollow, Params: params, Notice: func(method string, params json.RawMessage) {
			f.hear(method, params, want, open)
		}})
	}()
	select {
	case <-open:
	case <-done:
	case <-own.Done():
	}
	before()
	f.end = func() { end(); <-done }
	return done
}

// hear takes what the owner says, on the goroutine of the request.
func (f *following) hear(method string, params json.RawMessage, want endpoint.Wanted, open chan<- struct{}) {
	switch method {
	case noticeOpen:
		select {
		case open <- struct{}{}:
		default: // It has said so.
		}
	case noticeTold:
		f.wanted.Told(want.Level)
	case noticeSettled:
		var s settled
		if rawjson.Decode(params, &s) != nil {
			return
		}
		var err error
		if s.Failed != "" {
			err = errors.New(s.Failed)
		}
		topic := endpoint.Topic{Name: s.URI + s.Task, Task: s.Task != ""}
		f.wanted.Settle(topic, want.Topics[topic], endpoint.Response{Error: s.Error}, err)
	default:
		f.wanted.Hear(method, params)
	}
}

// follow passes on what a server says unasked, until ctx ends or the server is given up.
func (s *Server) follow(ctx context.Context, key string, owned Owned, params json.RawMessage, tell func(method string, params any)) error {
	var w wishes
	if err := rawjson.Decode(params, &w); err != nil {
		return &endpoint.RefusedRequest{Reason: "the wishes cannot be read"}
	}
	if n := len(w.URIs) + len(w.Tasks); n > endpoint.MaxTopics {
		return &endpoint.RefusedRequest{Reason: fmt.Sprintf("%d resources and tasks of one server are asked for, and %d may be", n, endpoint.MaxTopics)}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	notices := owned.Cell.Notices()
	for _, uri := range w.URIs {
		denied := s.subscribes(key, owned, methodSubscribe, "uri", uri)
		defer follow(ctx, settled{URI: uri}, denied, owned.redact, tell, func() (*endpoint.Subscription, error) {
			return notices.Subscribe(uri, func(uri string) { tell(endpoint.NoticeUpdated, map[string]string{"uri": uri}) })
		})()
	}
	for _, id := range w.Tasks {
		denied := s.subscribes(key, owned, methodTask, "taskId", id)
		defer follow(ctx, settled{Task: id}, denied, owned.redact, tell, func() (*endpoint.Subscription, error) {
			return notices.SubscribeTask(id, func(params json.RawMessage) { tell(endpoint.NoticeTask, params) })
		})()
	}
	if level := endpoint.LevelNamed(w.Level); level != 0 {
		logger := notices.Log(level, func(params json.RawMessage) { tell(endpoint.NoticeLogged, params) })
		defer logger.End()
		go func() { // Ends with the answer, or with the request.
			if notices.AwaitLevel(ctx, level); ctx.Err() == nil {
				tell(noticeTold, struct{}{})
			}
		}()
	}
	tell(noticeOpen, struct{}{})
	select {
	case <-ctx.Done():
	case <-owned.Cell.ClosedC():
	}
	return endpoint.ErrStopped
}

// follow makes one subscription, and tells what becomes of it. It returns what ends it.
func follow(ctx context.Context, news settled, denied *endpoint.Denied, redact func(string) string, tell func(method string, params any), subscribe func() (*endpoint.Subscription, error)) (end func()) {
	if denied != nil {
		news.Failed = denied.Error()
		tell(noticeSettled, news)
		return func() {}
	}
	sub, err := subscribe()
	if err != nil {
		news.Failed = err.Error()
		tell(noticeSettled, news)
		return func() {}
	}
	sub.Begin() // What was said of a task before this comes now.
	go func() { // Ends with the answer, or with the request.
		select {
		case <-sub.Settled():
			answer, err := sub.Answer()
			news.Error = redactedJSON(answer.Error, redact)
			if err != nil {
				news.Failed = redact(err.Error())
			}
			tell(noticeSettled, news)
		case <-ctx.Done():
		}
	}()
	return sub.End
}
