package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// The eras that --era knows. A server of both decides by each request, or by
// initialize once and for all if it pins itself.
const (
	eraLegacy    = "legacy"
	eraStateless = "stateless"
	eraBoth      = "both"
)

// statelessRevision is the one revision that has no handshake.
const statelessRevision = "2026-07-28"

// The members of a request's _meta that 2026-07-28 asks for.
const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaClientInfo   = "io.modelcontextprotocol/clientInfo"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	metaSubscription = "io.modelcontextprotocol/subscriptionId"
	metaLogLevel     = "io.modelcontextprotocol/logLevel"
)

// rpcFault is an error to answer with.
type rpcFault struct {
	code int
	text string
	data json.RawMessage
}

// meta returns the members of a message's params._meta.
func (m message) meta() map[string]json.RawMessage {
	var params struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	_ = json.Unmarshal(m.Params, &params) // Bad params have none.
	return params.Meta
}

// isStateless reports whether a request is to be served as one of 2026-07-28.
func (s *server) isStateless(m message) bool {
	switch s.opt.era {
	case eraStateless:
		return true
	case eraBoth:
		_, says := m.meta()[metaVersion]
		return says && !s.pinned()
	default:
		return false
	}
}

// pinned reports whether the server has become a legacy one for good.
func (s *server) pinned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opt.pins && !s.greeted.IsZero()
}

// judge is strict: it refuses a request without all that 2026-07-28 asks for,
// also where that says only that a client should.
func judge(m message) *rpcFault {
	meta := m.meta()
	if m.Method == "initialize" || m.Method == "ping" {
		return &rpcFault{-32601, "Method not found", nil}
	}
	var version string
	if json.Unmarshal(meta[metaVersion], &version) != nil {
		return &rpcFault{-32602, "no " + metaVersion, nil}
	}
	if version != statelessRevision {
		return &rpcFault{-32022, "Unsupported protocol version", fmt.Appendf(nil, `{"requested":%s,"supported":[%q]}`, meta[metaVersion], statelessRevision)}
	}
	var info struct{ Name, Version string }
	if json.Unmarshal(meta[metaClientInfo], &info) != nil || info.Name == "" || info.Version == "" {
		return &rpcFault{-32602, "no " + metaClientInfo, nil}
	}
	if !bytes.HasPrefix(meta[metaCapabilities], []byte("{")) {
		return &rpcFault{-32602, "no " + metaCapabilities, nil}
	}
	return nil
}

// handleStateless runs a request of 2026-07-28. A subscription lasts on after it
// has returned.
func (s *server) handleStateless(p peer, m message) {
	if fault := judge(m); fault != nil {
		replyError(p, m.ID, fault.code, fault.text, fault.data)
		return
	}
	switch m.Method {
	case "server/discover":
		s.discover(p, m)
	case "tools/list":
		s.listTools(p, m)
	case "tools/call":
		s.callTool(p, "", m)
	case "subscriptions/listen":
		s.subscribe(p, m)
	default:
		s.unknown(p, m)
	}
}

func (s *server) discover(p peer, m message) {
	versions := []string{statelessRevision}
	if s.opt.era == eraBoth {
		versions = append(versions, revisions...)
	}
	result := map[string]any{
		"resultType": "complete", "ttlMs": 0, "cacheScope": "private",
		"supportedVersions": versions, "capabilities": s.capabilities(),
		"_meta": map[string]any{"io.modelcontextprotocol/serverInfo": map[string]any{"name": s.opt.name, "version": "1.0.0"}},
	}
	if s.opt.instructions != "" {
		result["instructions"] = s.opt.instructions
	}
	reply(p, m.ID, marshal(result))
}

// subscriber hears of changes until over is closed.
type subscriber struct {
	peer

	id    json.RawMessage
	uris  []string // of the resources that it asks for
	tasks []string // their ids
	over  chan struct{}
}

func (s *server) subscribe(p peer, m message) {
	uris, tasks := subscriptions(m)
	sub := &subscriber{p, m.ID, uris, tasks, make(chan struct{})}
	s.mu.Lock()
	s.subscribers[string(m.ID)] = sub
	s.mu.Unlock()
	agreed := map[string]any{"toolsListChanged": true}
	if sub.uris != nil {
		agreed = map[string]any{"resourceSubscriptions": sub.uris}
		s.rec.write(event{Event: m.Method, Request: m.ID})
	}
	if sub.tasks != nil {
		agreed = map[string]any{"taskIds": sub.tasks}
	}
	p.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":%s,"_meta":{%q:%s}}}`,
		marshal(agreed), metaSubscription, m.ID))
}

// unsubscribe ends a subscription, if there is one with that id.
func (s *server) unsubscribe(id json.RawMessage) *subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subscribers[string(id)]
	if sub != nil {
		delete(s.subscribers, string(id))
		close(sub.over)
	}
	return sub
}

// announce tells subscribers that the tools have changed.
func (s *server) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subscribers {
		sub.send(fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{%q:%s}}}`, metaSubscription, sub.id))
	}
}

// endSubscriptions is the tool that ends them all from the server's side.
func endSubscriptions(c *call) []byte {
	c.s.mu.Lock()
	var all []*subscriber
	for _, sub := range c.s.subscribers {
		all = append(all, sub)
	}
	c.s.mu.Unlock()
	for _, sub := range all {
		reply(sub, sub.id, fmt.Appendf(nil, `{"resultType":"complete","_meta":{%q:%s}}`, metaSubscription, sub.id))
		c.s.unsubscribe(sub.id)
	}
	return c.result(fmt.Sprint(len(all)), nil)
}

// statelessTools are the tools that only a server of 2026-07-28 has.
func statelessTools() []tool {
	return []tool{
		{"ask", "Asks the user for a city before it answers.", object, ask},
		{"meta", "Returns the _meta of the request.", object, requestMeta},
		{"end_subscriptions", "Ends all subscriptions.", object, endSubscriptions},
	}
}

// headerTools have parameters that travel in headers as well; the second in a
// way that is not allowed.
func headerTools() []tool {
	return []tool{
		{"region", "Echoes.", `{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"Deep-N"}}}}}`, echo},
		{"bad_header", "Echoes.", `{"type":"object","properties":{"x":{"type":"number","x-mcp-header":"X"}}}`, echo},
	}
}

// allTools are the tools that are always there, in order.
func (s *server) allTools() []tool {
	all := builtins()
	if s.opt.era != eraLegacy && !s.pinned() {
		all = append(all, statelessTools()...)
	}
	if s.opt.whole {
		all = append(all, wholeTools()...)
	}
	if s.opt.tasks {
		all = append(all, taskTools()...)
	}
	if s.opt.headerTools {
		all = append(all, headerTools()...)
	}
	return all
}

// ask needs the user. Of kind anyway it asks also those who can't be asked,
// of kind again it asks a second time.
func ask(c *call) []byte {
	var params struct {
		InputResponses map[string]json.RawMessage `json:"inputResponses"`
		RequestState   json.RawMessage            `json:"requestState"`
	}
	_ = json.Unmarshal(c.params, &params) // Without them it is the first time.
	if answer, ok := params.InputResponses["city"]; ok {
		return c.result("the user answered "+string(answer), marshal(map[string]any{"answer": answer, "state": params.RequestState}))
	}
	var capabilities map[string]json.RawMessage
	_ = json.Unmarshal(c.meta[metaCapabilities], &capabilities) // They are an object.
	if _, can := capabilities["elicitation"]; !can && c.args.Kind != "anyway" {
		replyError(c.p, c.reqID, -32021, "Missing required client capability", json.RawMessage(`{"requiredCapabilities":{"elicitation":{}}}`))
		return nil
	}
	return []byte(`{"resultType":"input_required","inputRequests":{"city":{"method":"elicitation/create","params":{"mode":"form","message":"Which city?",` +
		`"requestedSchema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}},"requestState":"state of \u0061 call"}`)
}

func requestMeta(c *call) []byte { return c.result("see structuredContent", marshal(c.meta)) }

// complete adds the resultType that a result of 2026-07-28 must have.
func complete(result []byte) []byte {
	if bytes.HasPrefix(result, []byte(`{"resultType"`)) {
		return result
	}
	return slices.Concat([]byte(`{"resultType":"complete",`), result[1:])
}
