package agents

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

const (
	methodListen       = "subscriptions/listen"
	methodAcknowledged = "notifications/subscriptions/acknowledged"
	metaSubscription   = "io.modelcontextprotocol/subscriptionId"
)

// filters are the members by which a client asks for changes of lists.
var filters = [listKinds]string{ToolsList: "toolsListChanged", ResourcesList: "resourcesListChanged", TemplatesList: "resourcesListChanged", PromptsList: "promptsListChanged"}

// isSubscription reports whether a message asks to hear of changes of lists, as
// 2026-07-28 does.
func (e *Edge) isSubscription(p *peer, m message) bool {
	return e.listsOf(p) != nil && m.isRequest() && m.method == methodListen && mcp.IsModernProtocol(m.meta.revision())
}

// beginListen begins a subscription and returns what serves it until its client,
// its credential or the edge ends it. It counts as a stream and takes no place of
// a call.
func (e *Edge) beginListen(ctx context.Context, p *peer, r toolRequest, notify notifyFunc) (run func() answer) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{key: callKey{p.session, string(r.id)}, who: p.identity, cancel: cancel}
	e.inFlight.track(c)
	return func() answer {
		defer cancel(nil)
		caller, _ := p.calls(r)
		s := &stream{session: p.session, who: p.identity, owner: cmp.Or(p.identity.ID(), p.from), end: func() { cancel(errClosed) }}
		err := e.inFlight.listen(s)
		if err == nil {
			e.tellOf(ctx, p, e.listsOf(p), caller, r, notify)
			e.inFlight.unlisten(s)
		}
		switch silenced := e.inFlight.untrack(c); {
		case silenced:
			return answer{}
		case err != nil:
			return failureAnswer(r.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: err.Error(), status: 503})
		}
		return resultAnswer(r.id, withSubscription([]byte(`{"resultType":"complete"}`), r.id))
	}
}

// tellOf tells of the changes that a subscription asks for until ctx ends.
func (e *Edge) tellOf(ctx context.Context, p *peer, s lists, caller Caller, r toolRequest, notify notifyFunc) {
	t := e.newTold(p, s.Marks(caller))
	caller.Inbox = t.inbox
	defer t.inbox.End()
	wanted := map[ListKind]bool{}
	agreed := []byte("{}")
	asked := rawjson.Get(r.params, "notifications")
	for i, filter := range filters {
		if string(rawjson.Get(asked, filter)) == "true" {
			wanted[ListKind(i)] = true
			agreed = rawjson.Set(agreed, filter, []byte("true"))
		}
	}
	if uris := followed(ctx, s, caller, rawjson.Get(asked, filterResources)); uris != nil {
		agreed = rawjson.Set(agreed, filterResources, uris)
	}
	notify(notice(methodAcknowledged, rawjson.Set([]byte("{}"), "notifications", agreed), r.id))
	ctx, end := context.WithCancel(ctx)
	defer end()
	watching := make(chan struct{})
	go func() { // Ends with the subscription.
		defer close(watching)
		watch(ctx, s, caller, t, func(kind ListKind) {
			if wanted[kind] {
				notify(notice(changed[kind], []byte("{}"), r.id))
			}
		})
	}()
	delivered := make(chan struct{})
	go func() { // Ends with the subscription.
		defer close(delivered)
		if t.inbox != nil {
			t.inbox.Deliver(ctx, func(method string, params json.RawMessage) { notify(oneLine(notice(method, params, r.id))) })
		}
	}()
	e.listenUntil(ctx, caller.Identity)
	end()
	<-watching
	<-delivered
}

// filterResources is the member by which a client asks for updates of resources.
const filterResources = "resourceSubscriptions"

// follower is a Surface whose clients can hear of updates of resources.
type follower interface {
	// Follow has the caller's Inbox hear of resources until it ends, and returns those
	// of them that it may hear of. It may block, and at most until ctx ends.
	Follow(ctx context.Context, c Caller, uris []string) []string
}

// followed is those of the resources that a subscription asks for of which its client
// will hear, as JSON; nil if it asks for none.
func followed(ctx context.Context, s lists, caller Caller, asked json.RawMessage) json.RawMessage {
	surface, ok := s.(follower)
	if !ok || rawjson.First(asked) != '[' {
		return nil
	}
	var uris []string
	rawjson.Array(asked, rawjson.Space(asked, 0), 0, func(i int) int {
		end := rawjson.Skip(asked, i, 1)
		if end < 0 || len(uris) == maxHeld {
			return -1
		}
		if uri := rawjson.Text(asked[i:end]); uri != "" {
			uris = append(uris, uri)
		}
		return end
	})
	agreed := []byte{'['}
	for i, uri := range surface.Follow(ctx, caller, uris) {
		if i > 0 {
			agreed = append(agreed, ',')
		}
		agreed = rawjson.AppendString(agreed, uri)
	}
	return append(agreed, ']')
}

// notice is a notification that belongs to a subscription.
func notice(method string, params, id json.RawMessage) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","method":"`+method+`","params":`), withSubscription(params, id)...), '}')
}

// withSubscription puts the id of a subscription's request into an object's _meta.
func withSubscription(object, id json.RawMessage) json.RawMessage {
	return rawjson.Set(object, "_meta", rawjson.Set([]byte("{}"), metaSubscription, id))
}
