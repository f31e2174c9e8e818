package servers

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// maxListens is how many requests to listen there may be at one time: beyond that
// they become one.
const maxListens = 8

// errNotHeard is why something is not subscribed to.
var errNotHeard = errors.New("the server does not announce changes of this")

// maxSaidOfTask bounds what a server says of a task, whose result may be in it, in
// bytes.
const maxSaidOfTask = 1 << 20

// listening is what a session of 2026-07-28 is listened to for. Each request is for
// what was wanted when it was made; where some of that is wanted no more, another one
// takes its place.
type listening struct {
	session endpoint.Session
	wanted  *endpoint.Notices
	begun   uint64
	open    []*listen
	ended   chan struct{} // holds one: a request has ended
	pauses  pauses
}

// listen is one request to listen.
type listen struct {
	topics map[endpoint.Topic]uint64 // with the number of the wish
	end    context.CancelFunc
	// acknowledged has what the server agreed to, once.
	acknowledged chan []endpoint.Topic
	over         chan struct{} // closed when it has ended
	failure      endpoint.Response
	err          error
}

func (f *listening) follow(ctx context.Context) {
	defer func() {
		for _, l := range f.open {
			l.end()
			<-l.over
		}
	}()
	for {
		want, changed := f.wanted.Wanted()
		f.listen(ctx, want)
		select {
		case <-changed:
		case <-f.ended:
			if f.drop() && !f.pauses.next(ctx.Done()) { // The server may end each at once.
				return
			}
		case <-ctx.Done():
			return
		case <-f.session.Done():
			return
		}
	}
}

// drop takes out the requests that have ended, and reports whether there were any.
func (f *listening) drop() bool {
	before := len(f.open)
	f.open = slices.DeleteFunc(f.open, func(l *listen) bool {
		select {
		case <-l.over:
			return true
		default:
			return false
		}
	})
	return len(f.open) < before
}

// listen brings the requests in line with what is wanted.
func (f *listening) listen(ctx context.Context, want endpoint.Wanted) {
	f.drop()
	missing := maps.Clone(want.Topics)
	var stale []*listen
	for _, l := range f.open {
		if f.begun != want.Begun || len(f.open) > maxListens || !l.allWanted(want) {
			stale = append(stale, l)
			continue
		}
		for topic := range l.topics {
			delete(missing, topic)
		}
	}
	f.begun = want.Begun
	for _, task := range []bool{false, true} { // A server may know the one and refuse the other.
		if some := ofKind(missing, task); len(some) > 0 {
			f.begin(ctx, some)
		}
	}
	for _, l := range stale {
		l.end()
		<-l.over
	}
	f.drop()
}

// ofKind are the tasks among topics, or the resources.
func ofKind(topics map[endpoint.Topic]uint64, task bool) map[endpoint.Topic]uint64 {
	some := maps.Clone(topics)
	maps.DeleteFunc(some, func(t endpoint.Topic, _ uint64) bool { return t.Task != task })
	return some
}

// allWanted reports whether all that is listened for is still wanted.
func (l *listen) allWanted(want endpoint.Wanted) bool {
	for topic, version := range l.topics {
		if want.Topics[topic] != version {
			return false
		}
	}
	return true
}

// begin listens for what is wanted and says what the server has agreed to.
func (f *listening) begin(ctx context.Context, topics map[endpoint.Topic]uint64) {
	own, end := context.WithCancel(ctx)
	l := &listen{topics: topics, end: end, acknowledged: make(chan []endpoint.Topic, 1), over: make(chan struct{})}
	go func() { // Ends when it is told to, or with the session.
		defer func() {
			close(l.over)
			select {
			case f.ended <- struct{}{}:
			default:
			}
		}()
		req := listenFor(topics)
		req.Notice = func(method string, params json.RawMessage) { l.hear(f.wanted, method, params) }
		l.failure, l.err = f.session.Call(own, req)
	}()
	timer := time.NewTimer(followTimeout)
	defer timer.Stop()
	select {
	case agreed := <-l.acknowledged:
		f.open = append(f.open, l)
		for topic, version := range topics {
			if slices.Contains(agreed, topic) {
				f.wanted.Settle(topic, version, endpoint.Response{}, nil)
			} else {
				f.wanted.Settle(topic, version, endpoint.Response{}, errNotHeard)
			}
		}
	case <-l.over:
		end()
		f.refused(ctx, l)
	case <-timer.C:
		end()
		<-l.over
		f.refused(ctx, l)
	}
}

// refused says that a server would not be listened to.
func (f *listening) refused(ctx context.Context, l *listen) {
	if ctx.Err() != nil || errors.Is(l.err, endpoint.ErrRenewed) {
		return
	}
	answer, err := endpoint.Response{Error: l.failure.Error}, l.err
	if answer.Error == nil && err == nil {
		err = errNotHeard
	}
	for topic, version := range l.topics {
		f.wanted.Settle(topic, version, answer, err)
	}
}

// hear takes a notification that belongs to the request.
func (l *listen) hear(wanted *endpoint.Notices, method string, params json.RawMessage) {
	if method != methodAcknowledged {
		wanted.Hear(method, params)
		return
	}
	var agreed []endpoint.Topic
	notifications := rawjson.Get(params, "notifications")
	for _, f := range listenFilters {
		var names []string
		_ = rawjson.Decode(rawjson.Get(notifications, f.member), &names) // What cannot be read is none.
		for _, name := range names {
			agreed = append(agreed, endpoint.Topic{Name: name, Task: f.task})
		}
	}
	select {
	case l.acknowledged <- agreed:
	default:
	}
}

// listenFilters are the members by which a server is asked for what it says of some
// resources, and of some tasks.
var listenFilters = []struct {
	member string
	task   bool
}{{"resourceSubscriptions", false}, {"taskIds", true}}

// listenFor is the request that asks for topics, all of one kind. Of tasks a server
// speaks only to those that declare that they can follow some.
func listenFor(topics map[endpoint.Topic]uint64) endpoint.Request {
	r := endpoint.Request{Method: methodListen, MaxResultBytes: maxAnswerToListen}
	names, filter := make([]string, 0, len(topics)), listenFilters[0]
	for topic := range topics {
		names = append(names, topic.Name)
		if topic.Task {
			filter = listenFilters[1]
			r.Capabilities, r.MaxResultBytes = json.RawMessage(`{"extensions":{"io.modelcontextprotocol/tasks":{}}}`), maxSaidOfTask
		}
	}
	slices.Sort(names)
	list := []byte{'['}
	for i, name := range names {
		if i > 0 {
			list = append(list, ',')
		}
		list = rawjson.AppendString(list, name)
	}
	r.Params = append(append([]byte(`{"notifications":{"`+filter.member+`":`), list...), "]}}"...)
	return r
}
