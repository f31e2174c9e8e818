package surface

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/front/relay"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// listCopies is how often a list is held while it is put together.
const listCopies = 2

// list answers from memory once the server has listed what it has of a kind;
// before that it waits for the server as a call would. member is that of the
// result.
func (o *One) list(ctx context.Context, caller agents.Caller, r agents.Request, dst []byte, kind *front.Kind, member string) ([]byte, *agents.Error) {
	if failure := noCursor(r); failure != nil {
		return dst, failure
	}
	var c front.Call
	o.begin(&c, caller, r, kind, "")
	defer o.gateway.Router.Finish(&c)
	a, err := o.gateway.Router.Lists(ctx, &c)
	if err != nil {
		return dst, failed(c.End(err), rpcInvalidParams)
	}
	permitted := a.Permitted(kind, o.server, a.Catalog)
	size := 0
	for _, name := range permitted {
		item, _ := a.Catalog.Lookup(name)
		size += len(item.Raw) + 1
	}
	l, full := newList(dst, member, size, r)
	if full != nil {
		return dst, failed(c.End(full), rpcInvalidParams)
	}
	for _, name := range permitted {
		item, _ := a.Catalog.Lookup(name)
		l.add(item.Raw)
	}
	_ = c.End(nil)
	return l.end(caller, min(max(a.Catalog.TTL, 0), relay.MaxTTL), trouble(a)), nil
}

// items are a list as it is put together. Begin with newList.
type items struct {
	dst   []byte
	first bool
}

// newList begins the result of a list whose items take about size bytes, unless
// there is no room for that.
func newList(dst []byte, member string, size int, r agents.Request) (items, *front.Failure) {
	switch r.Weight.Answer(listCopies*size, math.MaxInt64) {
	case weight.NoRoom, weight.TooMuch:
		return items{dst: dst}, &front.Failure{
			Code: front.CodeOverloaded, RetryAfterMS: 1000,
			Message: "The gateway holds too many large messages; not run. Try again after 1 s.",
		}
	case weight.Fits:
	}
	return items{dst: append(append(append(dst, `{"`...), member...), `":[`...), first: true}, nil
}

// add adds an item as it is.
func (l *items) add(raw json.RawMessage) {
	if !l.first {
		l.dst = append(l.dst, ',')
	}
	l.first = false
	l.dst = append(l.dst, raw...)
}

// end ends the result. What a filter has left is never anybody else's to keep.
func (l *items) end(caller agents.Caller, ttlMS int64, meta json.RawMessage) []byte {
	out := append(l.dst, ']')
	if meta != nil {
		out = append(append(out, `,"_meta":`...), meta...)
	}
	if caller.Protocol >= endpoint.StatelessRevision {
		out = append(out, `,"resultType":"complete","cacheScope":"private","ttlMs":`...)
		out = strconv.AppendInt(out, ttlMS, 10)
	}
	return append(out, '}')
}

// noCursor refuses a cursor: lists come whole, so none was ever given.
func noCursor(r agents.Request) *agents.Error {
	if cursor := rawjson.Get(r.Params, "cursor"); cursor != nil && !rawjson.IsNull(cursor) {
		return rpcError(rpcInvalidParams, "there is no such cursor: ask for the list without one", nil)
	}
	return nil
}

// trouble is the _meta of a list that may not be all that the server has; nil if
// there is nothing to say.
func trouble(a *front.Attempt) json.RawMessage {
	text := front.Brief(a.Route.Redact.String(a.Catalog.Trouble()))
	if text == "" {
		return nil
	}
	return append(rawjson.AppendString([]byte(`{"`+endpoint.OwnMeta+`problem":`), text), '}')
}
