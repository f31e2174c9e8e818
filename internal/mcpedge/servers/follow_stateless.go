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

// errNotHeard is why a resource is not subscribed to.
var errNotHeard = errors.New("the server does not announce changes of this resource")

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
	uris map[string]uint64 // with the number of the wish
	end  context.CancelFunc
	// acknowledged has what the server agreed to, once.
	acknowledged chan []string
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
	missing := maps.Clone(want.URIs)
	var stale []*listen
	for _, l := range f.open {
		if f.begun != want.Begun || len(f.open) > maxListens || !l.allWanted(want) {
			stale = append(stale, l)
			continue
		}
		for uri := range l.uris {
			delete(missing, uri)
		}
	}
	f.begun = want.Begun
	if len(missing) > 0 {
		f.begin(ctx, missing)
	}
	for _, l := range stale {
		l.end()
		<-l.over
	}
	f.drop()
}

// allWanted reports whether all that is listened for is still wanted.
func (l *listen) allWanted(want endpoint.Wanted) bool {
	for uri, version := range l.uris {
		if want.URIs[uri] != version {
			return false
		}
	}
	return true
}

// begin listens for resources and says what the server has agreed to.
func (f *listening) begin(ctx context.Context, uris map[string]uint64) {
	own, end := context.WithCancel(ctx)
	l := &listen{uris: uris, end: end, acknowledged: make(chan []string, 1), over: make(chan struct{})}
	go func() { // Ends when it is told to, or with the session.
		defer func() {
			close(l.over)
			select {
			case f.ended <- struct{}{}:
			default:
			}
		}()
		l.failure, l.err = f.session.Call(own, endpoint.Request{
			Method: methodListen, Params: listenForParams(slices.Sorted(maps.Keys(uris))), MaxResultBytes: maxAnswerToListen,
			Notice: func(method string, params json.RawMessage) { l.hear(f.wanted, method, params) },
		})
	}()
	timer := time.NewTimer(followTimeout)
	defer timer.Stop()
	select {
	case agreed := <-l.acknowledged:
		f.open = append(f.open, l)
		for uri, version := range uris {
			if slices.Contains(agreed, uri) {
				f.wanted.Settle(uri, version, endpoint.Response{}, nil)
			} else {
				f.wanted.Settle(uri, version, endpoint.Response{}, errNotHeard)
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
	for uri, version := range l.uris {
		f.wanted.Settle(uri, version, answer, err)
	}
}

// hear takes a notification that belongs to the request.
func (l *listen) hear(wanted *endpoint.Notices, method string, params json.RawMessage) {
	if method != methodAcknowledged {
		wanted.Hear(method, params)
		return
	}
	var agreed []string
	_ = rawjson.Decode(rawjson.Get(rawjson.Get(params, "notifications"), "resourceSubscriptions"), &agreed) // What cannot be read is none.
	select {
	case l.acknowledged <- agreed:
	default:
	}
}

// listenForParams asks for updates of resources.
func listenForParams(uris []string) []byte {
	list := []byte{'['}
	for i, uri := range uris {
		if i > 0 {
			list = append(list, ',')
		}
		list = rawjson.AppendString(list, uri)
	}
	return append(append([]byte(`{"notifications":{"resourceSubscriptions":`), list...), "]}}"...)
}
