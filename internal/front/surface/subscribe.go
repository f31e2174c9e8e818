package surface

import (
	"context"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
)

// listener is a surface on which sessions of before 2026-07-28 hear of more than
// changes of lists.
type listener interface {
	subscribe(v visit) ([]byte, *agents.Error)
	unsubscribe(v visit) ([]byte, *agents.Error)
	setLevel(v visit) ([]byte, *agents.Error)
}

// older are the methods that 2026-07-28 does not have.
var older = map[string]func(listener, visit) ([]byte, *agents.Error){
	"resources/subscribe":   listener.subscribe,
	"resources/unsubscribe": listener.unsubscribe,
	"logging/setLevel":      listener.setLevel,
}

func olderMethods(c agents.Caller) map[string]func(listener, visit) ([]byte, *agents.Error) {
	if c.Protocol >= endpoint.StatelessRevision {
		return nil
	}
	return older
}

// subscriptionKey is under what a subscription is held in an inbox: the URI that the
// client used.
type subscriptionKey struct{ uri string }

// target is a resource of a server, and the URI that the client used for it.
type target struct{ server, own, used string }

// shown is the URI of the server, or of one below it, as the client writes it.
func (t target) shown(uri string) string { return t.used[:len(t.used)-len(t.own)] + uri }

// subscribe has the client's session hear of a resource.
func (o *One) subscribe(v visit) ([]byte, *agents.Error) {
	_, uri, ok := v.uri()
	if !ok {
		return v.refuse(notAURI)
	}
	return v.subscribeTo(target{o.server, uri, uri})
}

func (o *One) unsubscribe(v visit) ([]byte, *agents.Error) { return v.unsubscribe() }

// subscribe has the client's session hear of a resource by its prefixed URI, or by
// the server's own if only one server can be meant.
func (s *All) subscribe(v visit) ([]byte, *agents.Error) {
	_, uri, ok := v.uri()
	if !ok {
		return v.refuse(notAURI)
	}
	t, wrong := v.targetOf(uri)
	if wrong != nil {
		return wrong()
	}
	return v.subscribeTo(t)
}

func (s *All) unsubscribe(v visit) ([]byte, *agents.Error) { return v.unsubscribe() }

// targetOf finds out which resource a URI means on the surface of all servers, or
// returns what refuses it.
func (v *visit) targetOf(uri string) (t target, wrong func() ([]byte, *agents.Error)) {
	if server, own, prefixed := splitURI(uri); prefixed {
		return target{server, own, uri}, nil
	}
	v.read(&resources, &templates)
	switch servers := v.whoseURI(uri); len(servers) {
	case 0:
		return t, func() ([]byte, *agents.Error) { return v.notThere(&resources, uri, noResource(v.caller)) }
	case 1:
		return target{servers[0], uri, uri}, nil
	default:
		return t, func() ([]byte, *agents.Error) { return v.ambiguous(uri, servers) }
	}
}

// subscribeTo has the server announce a resource to the client, unless it does so
// already.
func (v *visit) subscribeTo(t target) ([]byte, *agents.Error) {
	if v.caller.Inbox == nil {
		return v.refuse("a subscription needs a session: initialize one, and send its Mcp-Session-Id")
	}
	rpc, failure, notThere := v.join(t)
	switch {
	case rpc != nil:
		return v.dst, passed(rpc)
	case failure != nil:
		return v.dst, failed(failure, notThere)
	}
	return append(v.dst, "{}"...), nil
}

// join subscribes the client's inbox. A server's own error is returned as rpc.
func (v *visit) join(t target) (rpc []byte, failure *front.Failure, notThere int) {
	var c front.Call
	v.begin(&c, t.server, &resources, t.own)
	defer v.Router.Finish(&c)
	err := v.Router.Reach(v.ctx, &c, func(a *front.Attempt) error {
		var err error
		rpc, err = v.await(a, t)
		return err
	})
	if rpc != nil {
		c.Record.Outcome = front.CodeServerError
	}
	return rpc, c.End(err), noResource(v.caller)
}

// await subscribes and waits for the server's answer.
func (v *visit) await(a *front.Attempt, t target) (rpc []byte, err error) {
	inbox, key := v.caller.Inbox, subscriptionKey{t.used}
	if !a.Server.Subscribable() {
		return nil, &front.Failure{Code: front.CodeInvalidArgument, Message: "This server does not announce changes of its resources."}
	}
	held, err := inbox.Hold(key, func() (agents.Held, error) {
		return a.Route.Cell.Notices().Subscribe(t.own, v.hearer(t))
	})
	if err != nil {
		return nil, &front.Failure{Code: front.CodeOverloaded, Message: "Not subscribed: " + err.Error() + "."}
	}
	s, _ := held.(*endpoint.Subscription)
	if err := v.settled(a, s); err != nil {
		inbox.Release(key)
		return nil, err
	}
	answer, err := s.Answer()
	switch {
	case answer.Error != nil:
		inbox.Release(key)
		return front.RedactedRPC(a.Route, answer.Error), nil
	case err != nil:
		inbox.Release(key)
		return nil, a.Failed(v.ctx, err)
	}
	return nil, nil
}

// settled waits until a server has answered whether it speaks of something.
func (v *visit) settled(a *front.Attempt, s *endpoint.Subscription) error {
	late := time.NewTimer(time.Until(a.Deadline()))
	defer late.Stop()
	select {
	case <-s.Settled():
	case <-v.ctx.Done():
	case <-a.Stopping():
	case <-late.C:
	}
	select {
	case <-s.Settled():
		return nil
	default:
		return a.GivenUp(v.ctx)
	}
}

// hearer tells the client's inbox of a resource, for as long as the rules let its
// agent read it.
func (v *visit) hearer(t target) func(uri string) {
	router, caller := v.Router, v.caller
	return func(uri string) {
		if a, ok := router.Seen(caller); ok && a.Allows(&resources, t.server, uri) {
			caller.Inbox.Put(endpoint.NoticeUpdated, append(rawjson.AppendString([]byte(`{"uri":`), t.shown(uri)), '}'))
		}
	}
}

// unsubscribe ends a subscription, by the URI with which it was made.
func (v *visit) unsubscribe() ([]byte, *agents.Error) {
	_, uri, ok := v.uri()
	if !ok {
		return v.refuse(notAURI)
	}
	if v.caller.Inbox != nil {
		v.caller.Inbox.Release(subscriptionKey{uri})
	}
	return append(v.dst, "{}"...), nil
}

// Follow implements what agents asks of surfaces for subscriptions of 2026-07-28.
func (o *One) Follow(ctx context.Context, c agents.Caller, uris []string) (agreed []string) {
	ctx, cancel := context.WithTimeout(ctx, followWait)
	defer cancel()
	v := visit{Gateway: o.gateway, ctx: ctx, caller: c, r: agents.Request{Method: methodListen}}
	for _, uri := range uris {
		if len(uri) <= maxURIBytes && v.joined(target{o.server, uri, uri}) {
			agreed = append(agreed, uri)
		}
	}
	return agreed
}

// Follow implements what agents asks of surfaces for subscriptions of 2026-07-28.
func (s *All) Follow(ctx context.Context, c agents.Caller, uris []string) (agreed []string) {
	ctx, cancel := context.WithTimeout(ctx, followWait)
	defer cancel()
	v := visit{Gateway: s.gateway, ctx: ctx, caller: c, r: agents.Request{Method: methodListen}}
	for _, uri := range uris {
		if len(uri) > maxURIBytes {
			continue
		}
		if t, wrong := v.targetOf(uri); wrong == nil && v.joined(t) {
			agreed = append(agreed, uri)
		}
	}
	return agreed
}

const methodListen = "subscriptions/listen"

// followWait is how long a subscription of 2026-07-28 waits, before it is
// acknowledged, for servers that are to announce resources.
const followWait = 10 * time.Second

func (v *visit) joined(t target) bool {
	rpc, failure, _ := v.join(t)
	return rpc == nil && failure == nil
}
