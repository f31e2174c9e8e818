package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/rawjson"
)

// notifyFunc sends one notification, as a whole JSON-RPC message on one line,
// to the client, before the answer of the request that it belongs to. It may
// block on a slow client.
type notifyFunc func(body []byte)

// serve handles one message of a client and gives what to answer, if anything.
// It blocks until the request is done. All notifications have been sent when
// it returns.
func (e *Edge) serve(ctx context.Context, p *peer, m message, notify notifyFunc) answer {
	switch {
	case m.isNotification():
		e.notified(p, m)
		return answer{}
	case !m.isRequest():
		return answer{} // A response: we ask clients for nothing.
	case m.method == string(mcp.MethodToolsCall):
		return e.beginCall(ctx, p, m, notify)()
	default:
		return e.dispatch(ctx, p, m, nil, notify)
	}
}

// notified acts on the one notification that matters here.
func (e *Edge) notified(p *peer, m message) {
	if m.method != string(mcp.MethodNotificationCancelled) || p.session == "" {
		return
	}
	var params struct {
		RequestID json.RawMessage `json:"requestId"`
	}
	if json.Unmarshal(m.params, &params) == nil && params.RequestID != nil {
		e.work.cancel(callKey{p.session, string(params.RequestID)})
	}
}

// dispatch has mcp-go handle a request. c is nil for all but tools/call.
func (e *Edge) dispatch(ctx context.Context, p *peer, m message, c *call, notify notifyFunc) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			e.logPanic(m.method, v)
			a = failureAnswer(m.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: "internal error of the gateway", status: 500})
		}
	}()
	conversation := &conversation{id: p.session, notes: make(chan mcp.JSONRPCNotification, 16)}
	if p.http {
		ctx = server.WithSupportedProtocolVersions(ctx, httpRevisions)
	}
	raw := m.raw
	if c != nil {
		raw = libraryView(m)
	}
	response := e.mcp.HandleMessage(e.mcp.WithContext(ctx, conversation), raw)
	conversation.flush(notify)
	return e.answerOf(p, m, c, response)
}

// answerOf encodes mcp-go's response under the client's own id, with the parts
// put in whose JSON must not pass through mcp-go's types.
func (e *Edge) answerOf(p *peer, m message, c *call, response mcp.JSONRPCMessage) answer {
	switch r := response.(type) {
	case mcp.JSONRPCError:
		if c != nil && (c.detour.unknown || r.Error.Code == mcp.INVALID_PARAMS) {
			if name := toolNameOf(m.params); c.detour.unknown || !e.tools.has(name) {
				return failureAnswer(m.id, e.tools.unknown(name))
			}
		}
		return failureAnswer(m.id, &rpcFailure{code: r.Error.Code, text: r.Error.Message, data: r.Error.Data})
	case mcp.JSONRPCResponse:
		if c != nil && !c.detour.answer.none() {
			return c.detour.answer
		}
		return e.encode(p, m, r.Result)
	default:
		return failureAnswer(m.id, invalid("this request cannot be answered"))
	}
}

// toolNameOf reads the name for messages only; mcp-go decides what it means.
func toolNameOf(params json.RawMessage) string {
	var p struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(params, &p)
	return p.Name
}

func (e *Edge) encode(p *peer, m message, result any) answer {
	if init, ok := result.(mcp.InitializeResult); ok {
		init.ProtocolVersion = p.negotiated(init.ProtocolVersion)
		p.opened(init.ProtocolVersion, clientOf(m.params))
		result = init
	}
	raw, err := json.Marshal(result)
	if err == nil && m.method == string(mcp.MethodToolsList) {
		raw, err = replaceKey(raw, "tools", e.shownTo(p))
	}
	if err != nil {
		e.log.Error("internal: cannot encode result", slog.String("method", m.method), slog.Any("err", err))
		return failureAnswer(m.id, &rpcFailure{code: mcp.INTERNAL_ERROR, text: "internal error of the gateway", status: 500})
	}
	return resultAnswer(m.id, raw)
}

// shownTo gives the tools as a client should see them.
func (e *Edge) shownTo(p *peer) json.RawMessage {
	if e.pinned != nil && p.identity != nil && len(p.identity.Agents) == 1 {
		return e.pinned
	}
	return e.tools.list
}

// replaceKey sets one key of a JSON object and keeps the other values as they
// are.
func replaceKey(object []byte, key string, value json.RawMessage) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, fmt.Errorf("cannot read object: %w", err)
	}
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	fields[key] = value
	return rawjson.Marshal(fields)
}

func (e *Edge) logPanic(method string, v any) {
	e.log.Error("internal: panic while serving an agent", slog.String("method", method),
		slog.String("panic", describePanic(v)), slog.String("stack", string(debug.Stack())))
}

// describePanic gives the text of a panic that cannot hold what an agent or a
// server sent, and else its type: the stack says the rest.
func describePanic(v any) string {
	switch v := v.(type) {
	case runtime.Error:
		return v.Error()
	case string:
		if strings.HasPrefix(v, "internal: ") {
			return v
		}
	}
	return fmt.Sprintf("a value of type %T", v)
}

// conversation is what mcp-go knows of the client: one for each request, so
// that no two requests share a notification channel.
type conversation struct {
	id    string
	notes chan mcp.JSONRPCNotification
}

func (*conversation) Initialize()         {}
func (*conversation) Initialized() bool   { return true }
func (c *conversation) SessionID() string { return c.id }
func (c *conversation) NotificationChannel() chan<- mcp.JSONRPCNotification {
	return c.notes
}

// flush sends what mcp-go left in the channel, such as the acknowledgement of
// a subscription.
func (c *conversation) flush(notify notifyFunc) {
	for {
		select {
		case n := <-c.notes:
			if body, err := json.Marshal(n); err == nil {
				notify(body)
			}
		default:
			return
		}
	}
}

var _ server.ClientSession = (*conversation)(nil)
