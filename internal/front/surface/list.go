package surface

import (
	"encoding/json"
	"math"
	"slices"
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

// listRoom is about what a list takes besides its items.
const listRoom = 256

// list answers from memory once the server has listed what it has of a kind;
// before that it waits for the server as a call would. member is that of the
// result.
func (v *visit) list(server string, kind *front.Kind, member string) ([]byte, *agents.Error) {
	if cursor := rawjson.Get(v.r.Params, "cursor"); cursor != nil && !rawjson.IsNull(cursor) { // Lists come whole, so none was ever given.
		return v.refuse(noCursor)
	}
	var c front.Call
	v.begin(&c, server, kind, "")
	defer v.Router.Finish(&c)
	c.Own = true
	a, err := v.Router.Lists(v.ctx, &c)
	if err != nil {
		return v.dst, failed(c.End(err), rpcInvalidParams)
	}
	permitted := a.Permitted(kind, server, a.Catalog)
	size := 0
	for _, name := range permitted {
		item, _ := a.Catalog.Lookup(name)
		size += len(item.Raw) + 1
	}
	l, full := newList(v.dst, member, size, v.r)
	if full != nil {
		return v.dst, failed(c.End(full), rpcInvalidParams)
	}
	for _, name := range permitted {
		item, _ := a.Catalog.Lookup(name)
		l.add(item.Raw)
	}
	_ = c.End(nil)
	return l.end(v.caller, min(max(a.Catalog.TTL, 0), relay.MaxTTL), trouble(a)), nil
}

// items are a list as it is put together. Begin with newList.
type items struct {
	dst    []byte
	first  bool
	cursor string // of the next page; "" if there is none
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
	dst = slices.Grow(dst, size+listRoom)
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
	if l.cursor != "" {
		out = rawjson.AppendString(append(out, `,"nextCursor":`...), l.cursor)
	}
	if meta != nil {
		out = append(append(out, `,"_meta":`...), meta...)
	}
	if caller.Protocol >= endpoint.StatelessRevision {
		out = append(out, `,"resultType":"complete","cacheScope":"private","ttlMs":`...)
		out = strconv.AppendInt(out, ttlMS, 10)
	}
	return append(out, '}')
}

// noCursor refuses a cursor that no list has given, or gives any more.
const noCursor = "there is no such cursor: ask for the list without one"

// trouble is the _meta of a list that may not be all that the server has; nil if
// there is nothing to say.
func trouble(a *front.Attempt) json.RawMessage {
	text := front.Brief(a.Route.Redact.String(a.Catalog.Trouble()))
	if text == "" {
		return nil
	}
	return append(rawjson.AppendString([]byte(`{"`+endpoint.OwnMeta+`problem":`), text), '}')
}
