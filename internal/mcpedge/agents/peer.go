package agents

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
	"gatehouse/internal/tracecontext"
)

// httpRevisions are those served over HTTP, newest first. 2024-11-05 had
// another transport there.
var httpRevisions = []string{
	mcp.ProtocolVersion20260728,
	mcp.ProtocolVersion20251125,
	mcp.ProtocolVersion20250618,
	mcp.ProtocolVersion20250326,
}

// served are the revisions that this client can speak here, newest first.
func (p *peer) served() []string {
	if p.http {
		return httpRevisions
	}
	return mcp.ValidProtocolVersions
}

// hasBatches reports whether a revision has JSON-RPC batches.
func hasBatches(revision string) bool {
	return revision == mcp.ProtocolVersion20241105 || revision == mcp.ProtocolVersion20250326
}

// peer is the client of one conversation: a stdio one, or one HTTP request's
// view of its session.
type peer struct {
	session string // names the conversation; empty over HTTP without a session
	http    bool
	from    string // Caller.From
	// identity is what the HTTP request proved; nil if nothing was asked for.
	identity *identity.Caller
	surface  Surface               // nil: the gateway's own tools
	agent    string                // Caller.Agent
	trace    *tracecontext.Context // of the HTTP request
	replay   *replay               // of its session's streams; nil at the gate and without a session
	begin    func()                // begins the stream of its request; nil where that cannot be taken up
	asks     *Client               // what servers may ask; nil where no session is remembered
	deaf     bool                  // it takes no stream of events for this request
	told     *told                 // of changes of the surface's lists, since its session was opened

	mu       sync.Mutex
	revision string
	client   string
	declared string // Caller.Declared
}

// opened records what initialize settled.
func (p *peer) opened(revision, client, declared string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revision, p.client, p.declared = revision, client, declared
}

// declares is what the client declared in initialize.
func (p *peer) declares() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.declared
}

// maxDeclared is how much is kept, in bytes, of what a client declares.
const maxDeclared = 2 << 10

// declaredBy are the capabilities in the params of initialize, as far as they are
// kept.
func declaredBy(params json.RawMessage) string {
	capabilities := rawjson.Get(params, "capabilities")
	if !isKept(capabilities) {
		return ""
	}
	return string(capabilities)
}

// isKept reports whether capabilities are kept, which servers are shown later. Of a
// client with others it is as if it had declared none.
func isKept(capabilities json.RawMessage) bool {
	return rawjson.First(capabilities) == '{' && len(capabilities) <= maxDeclared && endpoint.CanBeSent(capabilities)
}

func (p *peer) known() (revision, client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.revision, p.client
}

// tell has the client told of what changes from now on.
func (p *peer) tell(t *told) {
	p.mu.Lock()
	before := p.told
	p.told = t
	p.mu.Unlock()
	before.mail().End()
}

// telling is what the client is told of changes; nil if nothing is.
func (p *peer) telling() *told {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

// mail is the client's inbox; nil if it has none.
func (p *peer) mail() *Inbox { return p.telling().mail() }

// caller is the client as a handler sees it, in a conversation of before
// 2026-07-28.
func (p *peer) caller() Caller {
	revision, client := p.known()
	return Caller{Client: client, Session: p.session, From: p.from, Protocol: revision, Identity: p.identity, Agent: p.agent, Declared: p.declares(), Inbox: p.mail(), Asks: p.asked()}
}

// asked is the client as endpoint.Client; nil if it cannot be asked.
func (p *peer) asked() endpoint.Client {
	if p.asks == nil {
		return nil
	}
	return p.asks
}

// negotiated corrects the revision that mcp-go would settle on: over HTTP the
// oldest one is not served, so the newest with a handshake is offered.
func (p *peer) negotiated(revision string) string {
	if p.http && !slices.Contains(httpRevisions, revision) {
		return mcp.LATEST_LEGACY_PROTOCOL_VERSION
	}
	return revision
}

// clientOf is the client of an initialize request.
func clientOf(params json.RawMessage) string {
	info := rawjson.Get(params, "clientInfo")
	return clientName(scalar(rawjson.Get(info, "name")), scalar(rawjson.Get(info, "version")))
}

// scalar is the text of a string or number: some clients have a version of 1.0.
func scalar(value []byte) string {
	switch c := rawjson.First(value); {
	case c == '"':
		return rawjson.Text(value)
	case c == '-' || '0' <= c && c <= '9':
		return string(value)
	}
	return ""
}

// clientName makes "name/version" fit for a log line: printable and short.
func clientName(name, version string) string {
	const longest = 200
	s := name
	if version != "" {
		s += "/" + version
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	return textcut.To(s, longest)
}

// owner is whose the peer's messages are: a credential's, or else an address's
// or a conversation's.
func (p *peer) owner() string { return cmp.Or(p.identity.ID(), p.from, p.session) }
