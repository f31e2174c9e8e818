package servers

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
)

// followTimeout is how long a server may take to answer that it is asked for what
// agents want to hear of.
const followTimeout = 30 * time.Second

// Follow asks a session for what agents want to hear of, and for no more: one
// subscription to each resource, and the most verbose level. It blocks until ctx or
// the session ends.
func Follow(ctx context.Context, session endpoint.Session, wanted *endpoint.Notices) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wanted.Forgotten()
	if session.Info().Stateless() {
		f := &listening{session: session, wanted: wanted, ended: make(chan struct{}, 1)}
		f.follow(ctx)
		return
	}
	f := &asking{session: session, wanted: wanted, have: map[endpoint.Topic]wish{}}
	for {
		want, changed := wanted.Wanted()
		f.ask(ctx, want)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-session.Done():
			return
		}
	}
}

// asking is what a session of before 2026-07-28 has been asked for.
type asking struct {
	session endpoint.Session
	wanted  *endpoint.Notices
	begun   uint64
	level   endpoint.Level
	have    map[endpoint.Topic]wish
}

// wish is what a server was asked for: its number, and whether it agreed.
type wish struct {
	version uint64
	agreed  bool
}

// ask asks for what is wanted, one after the other.
func (f *asking) ask(ctx context.Context, want endpoint.Wanted) {
	if f.begun != want.Begun {
		f.begun, f.level = want.Begun, 0
		clear(f.have)
	}
	if want.Level != f.level && want.Level != 0 && f.session.Info().Capability("logging") != nil {
		f.level = want.Level
		f.wanted.Telling(want.Level)
		_, _ = f.call(ctx, "logging/setLevel", "level", want.Level.String()) // Who wants it gets what comes.
		f.wanted.Told(want.Level)
	}
	for topic, was := range f.have {
		if _, still := want.Topics[topic]; still {
			continue
		}
		delete(f.have, topic)
		if was.agreed && !topic.Task {
			_, _ = f.call(ctx, "resources/unsubscribe", "uri", topic.Name) // It can do no more than say what nobody hears.
		}
	}
	for topic, version := range want.Topics {
		if f.have[topic].version == version || ctx.Err() != nil {
			continue
		}
		var answer endpoint.Response
		var err error
		if !topic.Task { // Of tasks a server speaks unasked.
			answer, err = f.call(ctx, "resources/subscribe", "uri", topic.Name)
		}
		f.have[topic] = wish{version, err == nil && answer.Error == nil}
		if ctx.Err() == nil && !errors.Is(err, endpoint.ErrRenewed) { // It is asked once more, then.
			f.wanted.Settle(topic, version, answer, err)
		}
	}
}

func (f *asking) call(ctx context.Context, method, member, value string) (endpoint.Response, error) {
	params := rawjson.Set([]byte("{}"), member, rawjson.AppendString(nil, value))
	return f.session.Call(ctx, endpoint.Request{Method: method, Params: params, Deadline: time.Now().Add(followTimeout), MaxResultBytes: maxAnswerToListen})
}
