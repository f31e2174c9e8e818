package agents

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"gatehouse/internal/textcut"
)

// askLibrary has mcp-go handle a request, which is not a tools/call.
func (e *Edge) askLibrary(ctx context.Context, p *peer, m message, notify notifyFunc) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			e.logPanic(m.method, v)
			a = failureAnswer(m.id, internalFailure())
		}
	}()
	session := &librarySession{id: p.session, notes: make(chan mcp.JSONRPCNotification, 16)}
	ctx = server.WithSupportedProtocolVersions(ctx, p.served())
	response := e.handle(e.mcp.WithContext(ctx, session), m)
	session.flush(notify)
	switch r := response.(type) {
	case mcp.JSONRPCError:
		if r.Error.Code == mcp.INVALID_REQUEST || r.Error.Code == mcp.PARSE_ERROR {
			// It cannot decode the params, and says so in words of Go.
			return failureAnswer(m.id, invalidParams("the params of "+shownMethod(m.method)+" are not what MCP asks for"))
		}
		return failureAnswer(m.id, &rpcFailure{code: r.Error.Code, text: r.Error.Message, data: r.Error.Data})
	case mcp.JSONRPCResponse:
		return e.encode(ctx, p, m, r.Result)
	default:
		return failureAnswer(m.id, invalid("this request cannot be answered"))
	}
}

// handle has mcp-go decode and handle a request.
func (e *Edge) handle(ctx context.Context, m message) mcp.JSONRPCMessage {
	defer decoding(len(m.params))()
	return e.mcp.HandleMessage(ctx, forLibrary(m))
}

// shownMethod is a method for an error text.
func shownMethod(method string) string { return textcut.Marked(method, maxNameShown) }

// encode answers with mcp-go's result under the client's own id, with the parts
// put in whose JSON must not pass through mcp-go's types.
func (e *Edge) encode(ctx context.Context, p *peer, m message, result any) answer {
	introduce := m.method == string(mcp.MethodInitialize) || m.method == string(mcp.MethodServerDiscover)
	init, initialize := result.(mcp.InitializeResult)
	client := clientOf(m.params)
	if initialize {
		init.ProtocolVersion = p.negotiated(init.ProtocolVersion)
		result = init
		e.prepare(p, m, init.ProtocolVersion)
	}
	raw, err := json.Marshal(result)
	if err == nil && introduce && p.surface != nil {
		var failure *Error
		if raw, failure = e.introducedBy(ctx, p, m, init.ProtocolVersion, raw); failure != nil {
			if initialize && p.http {
				p.asks.end() // What was begun for it ends.
			}
			return errorAnswer(m.id, failure)
		}
	}
	if initialize {
		p.opened(init.ProtocolVersion, client, declaredBy(m.params))
		if seen := e.listsOf(p); seen != nil {
			p.tell(e.newTold(p, seen.Marks(p.caller())))
		}
		e.opts.OnClient(client)
	}
	switch {
	case err != nil:
		e.log.Error("internal: cannot encode result", slog.String("method", m.method), slog.Any("err", err))
		return failureAnswer(m.id, internalFailure())
	case introduce && p.surface == nil:
		raw = e.introduced(p, raw)
	case m.method == string(mcp.MethodToolsList):
		raw = e.listed(p, raw)
	}
	return resultAnswer(m.id, raw)
}

// prepare makes known who opens a session, and by which id: a server that runs for it
// alone may be begun to say what it is.
func (e *Edge) prepare(p *peer, m message, revision string) {
	if p.asks == nil {
		p.asks = newClient(&e.strays)
	}
	p.asks.opened(revision, declaredBy(m.params))
	if p.http && p.surface != nil {
		p.session = e.opts.Fleet.seal(newSessionID(p, revision, time.Now()))
	}
}

// noTool stands for the tools in mcp-go, which lists them and calls none.
func noTool(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return nil, errors.New("internal: a call that went past the edge")
}

// librarySession is what mcp-go knows of the client: one for each request, so
// that no two requests share a notification channel.
type librarySession struct {
	id    string
	notes chan mcp.JSONRPCNotification
}

func (*librarySession) Initialize()         {}
func (*librarySession) Initialized() bool   { return true }
func (s *librarySession) SessionID() string { return s.id }
func (s *librarySession) NotificationChannel() chan<- mcp.JSONRPCNotification {
	return s.notes
}

// flush sends what mcp-go left in the channel, such as the acknowledgement of
// a subscription.
func (s *librarySession) flush(notify notifyFunc) {
	for {
		select {
		case n := <-s.notes:
			if body, err := json.Marshal(n); err == nil {
				notify(body)
			}
		default:
			return
		}
	}
}

var _ server.ClientSession = (*librarySession)(nil)
