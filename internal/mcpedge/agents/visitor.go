package agents

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/tracecontext"
)

// visitor is who sends an HTTP request, and where it is meant to go.
type visitor struct {
	who     *identity.Caller
	surface Surface // nil: the gateway's own tools
	agent   string  // that ?agent= names
	// passedOn: another node of the fleet has sent the request.
	passedOn bool
}

// locate reads where a request is meant to go. It returns why that cannot be
// said, or nothing.
func (v *visitor) locate(r *http.Request, surfaceOf func(*http.Request) Surface) (why string) {
	if surfaceOf != nil {
		v.surface = surfaceOf(r)
	}
	if r.URL.RawQuery == "" {
		return ""
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch named := query["agent"]; {
	case err != nil:
		return "the query of the address cannot be read"
	case len(named) > 1:
		return "the address may name one agent, and this one names more"
	case len(named) == 1 && (!policy.ValidAgentID(named[0]) || len(named[0]) > maxNameShown):
		return "an agent id, as the address names one, has letters, digits, _ . and - only"
	case len(named) == 1:
		v.agent = named[0]
	}
	return ""
}

// mayEnter reports whether there is a surface that the visitor may use.
func (v *visitor) mayEnter(r *http.Request) bool {
	if v.surface == nil {
		return false
	}
	agent := v.agent
	if agent == "" {
		_, agent, _ = splitSession(r.Header.Get(headerSession))
	}
	return v.surface.Open(Caller{From: addressOf(r, v.who), Identity: v.who, Agent: agent})
}

// peer is the visitor as the client of a request that belongs to no session.
func (v *visitor) peer(r *http.Request) *peer {
	return &peer{http: true, from: addressOf(r, v.who), identity: v.who, surface: v.surface, agent: v.agent, trace: tracecontext.OfHeaders(r.Header)}
}

// binding is what a session of the visitor is bound to; "" is nothing.
func (v *visitor) binding() string { return bindingOf(v.surface, v.who) }

func bindingOf(s Surface, who *identity.Caller) string {
	if s == nil {
		return who.ID()
	}
	return s.Name() + "\x00" + who.ID()
}

// agentMark stands before the agent in the id of a session whose address named
// one.
const agentMark = "~"

// splitSession takes the agent off a session's id, and what a fleet has put behind it.
func splitSession(id string) (rest, agent, seal string) {
	if at := strings.Index(id, sealMark); at >= 0 {
		id, seal = id[:at], id[at:]
	}
	rest, agent, _ = strings.Cut(id, agentMark)
	return rest, agent, seal
}

// session finds the conversation that an id names. ok is false if there is none
// for this visitor.
func (e *Edge) session(v *visitor, id string) (found openSession, ok bool) {
	rest, agent, seal := splitSession(id)
	revision, ok := sessionRevision(rest, v.binding())
	if !ok || v.surface == nil && seal != "" || v.agent != "" && v.agent != agent {
		return found, false
	}
	known, state := e.sessions.look(id)
	if state == sessionDeleted || v.surface != nil && state != sessionOpen {
		return found, false
	}
	return openSession{
		id: id, revision: revision, client: known.client, declared: known.declared, agent: agent, told: known.told, replay: known.replay, asks: known.asks,
	}, true
}

// openSession is what is known of a session.
type openSession struct {
	id, revision, client, declared, agent string

	told   *told
	replay *replay
	asks   *Client
}

// join makes a peer a part of a session.
func (s openSession) join(p *peer) {
	p.session, p.revision, p.client, p.declared, p.agent = s.id, s.revision, s.client, s.declared, s.agent
	p.told, p.replay, p.asks = s.told, s.replay, s.asks
}

// revisionWithout is the revision of a request without a session and header.
const revisionWithout = mcp.ProtocolVersion20250326
