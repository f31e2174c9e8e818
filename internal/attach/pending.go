package attach

import (
	"bytes"
	"slices"

	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// maxKept is how many bytes of lines are kept in case they can be sent again.
const maxKept = 4 << 20

// request is one that the client has sent and that has no answer yet.
type request struct {
	id     []byte // as the client wrote it
	method string
	line   []byte   // nil if it is not kept
	batch  [][]byte // the ids of a batch, which is answered as a whole
	turn   uint64   // the order of arrival
}

// The methods that matter here.
const (
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodCancelled   = "notifications/cancelled"
	methodCall        = "tools/call"
	methodPing        = "ping"
)

// asking are the methods that change nothing: they can be sent again.
var asking = []string{
	methodInitialize, methodPing, "server/discover", "tools/list", "prompts/list", "resources/list",
	"resources/templates/list", "subscriptions/listen", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
}

// again reports whether a request can be sent again though it may have run.
func (r *request) again() bool { return r.line != nil && slices.Contains(asking, r.method) }

// pending are the requests without an answer, by their ids.
type pending struct {
	all  map[string]*request
	turn uint64
	kept int // bytes of lines
}

func newPending() *pending { return &pending{all: map[string]*request{}} }

// add takes a request in. Of two with one id the later one counts, as it does for
// the gateway.
func (p *pending) add(r *request) {
	p.turn++
	r.turn = p.turn
	if p.kept+len(r.line) > maxKept {
		r.line = nil
	}
	p.kept += len(r.line)
	ids := r.batch
	if ids == nil {
		ids = [][]byte{r.id}
	}
	for _, id := range ids {
		p.take(id)
		p.all[string(id)] = r
	}
}

// take removes the request with an id, and its whole batch. It returns nil if there
// is none.
func (p *pending) take(id []byte) *request {
	r := p.all[string(id)]
	if r == nil {
		return nil
	}
	p.kept -= len(r.line)
	delete(p.all, string(id))
	for _, id := range r.batch {
		if p.all[string(id)] == r {
			delete(p.all, string(id))
		}
	}
	return r
}

// takeAll removes all requests and returns them in the order of arrival.
func (p *pending) takeAll() []*request {
	list := make([]*request, 0, len(p.all))
	for _, r := range p.all {
		list = append(list, r)
	}
	clear(p.all)
	p.kept = 0
	slices.SortFunc(list, func(a, b *request) int { return int(a.turn) - int(b.turn) }) //nolint:gosec // There are not that many.
	return slices.Compact(list)
}

// message is what the relay must know of a line of the client.
type message struct {
	request *request // nil for what is not one
	method  string
	params  []byte
	cancels []byte // the id that a cancellation names
}

// read reads a line of the client. Of one that is not JSON-RPC it knows nothing:
// the gateway says so to the client.
func read(line []byte) message {
	line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	if i := rawjson.Space(line, 0); i < len(line) && line[i] == '[' {
		return readBatch(line)
	}
	m, ok := jsonrpc.Read(line)
	if !ok {
		return message{}
	}
	out := message{method: m.Name(), params: m.Params}
	switch {
	case out.method == methodCancelled:
		out.cancels = rawjson.Get(m.Params, "requestId")
	case m.Kind() == jsonrpc.Request && jsonrpc.ValidID(m.ID):
		out.request = &request{id: bytes.Clone(m.ID), method: out.method}
	}
	return out
}

func readBatch(line []byte) message {
	r := &request{}
	jsonrpc.Scan(line, func(m jsonrpc.Message) {
		if m.Kind() == jsonrpc.Request && jsonrpc.ValidID(m.ID) {
			r.batch = append(r.batch, bytes.Clone(m.ID))
		}
	})
	if r.batch == nil {
		return message{}
	}
	return message{request: r}
}

// answered returns the ids that a line of the gateway, or its beginning, answers.
func answered(line []byte) [][]byte {
	const head = `{"jsonrpc":"2.0","id":`
	if rest, ok := bytes.CutPrefix(line, []byte(head)); ok {
		if id := idAt(rest); id != nil {
			return [][]byte{id}
		}
	}
	if bytes.HasPrefix(line, []byte(`{"jsonrpc":"2.0","method":`)) {
		return nil
	}
	var s jsonrpc.Skimmer
	s.Feed(line)
	if open := s.Open(); open != nil { // The line goes on.
		return append(s.Answers, open)
	}
	return s.Answers
}

// idAt is the id that b begins with, nil if it does not end there.
func idAt(b []byte) []byte {
	end := -1
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b) && i <= jsonrpc.MaxIDBytes; i++ {
			if b[i] == '\\' {
				i++
			} else if b[i] == '"' {
				end = i + 1
				break
			}
		}
	} else {
		end = bytes.IndexAny(b[:min(len(b), jsonrpc.MaxIDBytes)], ",} ")
	}
	if end <= 0 {
		return nil
	}
	return b[:end]
}
