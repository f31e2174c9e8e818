package agents

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
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
	failure := e.undeclared(p, r)
	if ambiguous(rawjson.Get(r.params, "notifications"), filterNames) {
		failure = ambiguousMember("params.notifications")
	}
	if failure != nil {
		return func() answer { return failureAnswer(r.id, failure) }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := &call{key: callKey{p.session, string(r.id)}, who: p.identity, cancel: cancel}
	e.inFlight.track(c)
	return func() answer {
		defer cancel(nil)
		caller, _ := p.calls(r)
		s := &stream{session: p.session, who: p.identity, owner: cmp.Or(p.identity.ID(), p.from), end: func() { cancel(errClosed) }}
		err := e.inFlight.listen(s)
		if err == nil {
			if e.opts.Accepted(p.identity) {
				e.tellOf(ctx, p, e.listsOf(p), caller, r, notify)
			} else {
				err = errRevoked // Recheck came while the body did.
			}
			e.inFlight.unlisten(s)
		}
		switch silenced := e.inFlight.untrack(c); {
		case silenced:
			return answer{}
		case err != nil:
			status := http.StatusServiceUnavailable
			if errors.Is(err, errRevoked) {
				status = http.StatusUnauthorized
			}
			return failureAnswer(r.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: err.Error(), status: status})
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
	if surface, ok := s.(follower); ok {
		if uris := namesIn(rawjson.Get(asked, filterResources)); uris != nil {
			agreed = rawjson.Set(agreed, filterResources, listOf(surface.Follow(ctx, caller, uris)))
		}
		if ids := namesIn(rawjson.Get(asked, filterTasks)); ids != nil {
			agreed = rawjson.Set(agreed, filterTasks, listOf(surface.FollowTasks(ctx, caller, ids)))
		}
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

// The members by which a client asks for updates of resources, and of its tasks.
const (
	filterResources = "resourceSubscriptions"
	filterTasks     = "taskIds"
)

// filterNames are all of those members.
var filterNames = append([]string{filterResources, filterTasks}, filters[:]...)

// follower is a Surface whose clients can hear of updates of resources and tasks.
type follower interface {
	// Follow has the caller's Inbox hear of resources until it ends, and returns those
	// of them that it may hear of. It may block, and at most until ctx ends.
	Follow(ctx context.Context, c Caller, uris []string) []string
	// FollowTasks does so for tasks of the caller's, by their ids; ctx is that of the
	// subscription.
	FollowTasks(ctx context.Context, c Caller, ids []string) []string
}

// extensionTasks is what a client declares that can follow tasks.
const extensionTasks = "io.modelcontextprotocol/tasks"

// undeclared refuses a subscription to tasks of a client that does not declare that it
// can follow some, where there are any.
func (e *Edge) undeclared(p *peer, r toolRequest) *rpcFailure {
	_, follows := e.listsOf(p).(follower)
	if !follows || rawjson.Get(rawjson.Get(r.params, "notifications"), filterTasks) == nil {
		return nil
	}
	if rawjson.First(rawjson.Get(rawjson.Get(r.meta.capabilities, "extensions"), extensionTasks)) == '{' {
		return nil
	}
	return &rpcFailure{
		code: mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, text: "to hear of tasks your client must declare the extension " + extensionTasks,
		data: json.RawMessage(`{"requiredCapabilities":{"extensions":{"` + extensionTasks + `":{}}}}`),
	}
}

// namesIn reads a list of URIs or ids, at most as many as are held for a client; nil
// if it is none.
func namesIn(list json.RawMessage) []string {
	if rawjson.First(list) != '[' {
		return nil
	}
	names := []string{}
	rawjson.Array(list, rawjson.Space(list, 0), 0, func(i int) int {
		end := rawjson.Skip(list, i, 1)
		if end < 0 || len(names) == maxHeld {
			return -1
		}
		if name := rawjson.Text(list[i:end]); name != "" && endpoint.CanBeSent(list[i:end]) {
			names = append(names, name)
		}
		return end
	})
	return names
}

// listOf is a list of strings as JSON.
func listOf(names []string) json.RawMessage {
	list := []byte{'['}
	for i, name := range names {
		if i > 0 {
			list = append(list, ',')
		}
		list = rawjson.AppendString(list, name)
	}
	return append(list, ']')
}

// notice is a notification that belongs to a subscription.
func notice(method string, params, id json.RawMessage) []byte {
	return append(append([]byte(`{"jsonrpc":"2.0","method":"`+method+`","params":`), withSubscription(params, id)...), '}')
}

// withSubscription puts the id of a subscription's request into an object's _meta.
func withSubscription(object, id json.RawMessage) json.RawMessage {
	return rawjson.Set(object, "_meta", rawjson.Set([]byte("{}"), metaSubscription, id))
}
