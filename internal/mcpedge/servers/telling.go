package servers

import (
	"context"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/mcpedge/jsonrpc"
	"gatehouse/internal/rawjson"
)

// maxToldBytes bounds a notification for the client: it says little more than an id.
const maxToldBytes = 16 << 10

// isToldToClient reports whether a notification of a server is for its client: only for
// one that has declared what it is about.
func isToldToClient(client endpoint.Client, m jsonrpc.Message) bool {
	capability, ok := endpoint.ToldBy(m.Name())
	return ok && client != nil && len(m.Params) <= maxToldBytes && rawjson.First(m.Params) == '{' &&
		rawjson.First(rawjson.Get(client.Declared(), capability)) == '{'
}

// passOn tells the client what a notification says. If there is no way to it now, send
// waits for one, unless too many do: then it is dropped.
func (q *questions) passOn(m jsonrpc.Message, who endpoint.Asker) (send func(ctx context.Context)) {
	later := who.Tell(m.Name(), endpoint.WithoutOwnMeta(append([]byte(nil), m.Params...)))
	if later == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.telling >= maxQuestions {
		return nil
	}
	q.telling++
	return func(ctx context.Context) {
		later(ctx)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.telling--
	}
}
