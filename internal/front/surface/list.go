package surface

import (
	"encoding/json"
	"math"
	"strconv"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/weight"
)

// listCopies is how often a list is held while it is put together.
const listCopies = 2

// list is a list as it is put together. Begin with newList.
type list struct {
	dst   []byte
	first bool
}

// newList begins the result of a list whose items take about size bytes, unless
// there is no room for that.
func newList(dst []byte, member string, size int, r agents.Request) (list, *front.Failure) {
	switch r.Weight.Answer(listCopies*size, math.MaxInt64) {
	case weight.NoRoom, weight.TooMuch:
		return list{dst: dst}, &front.Failure{
			Code: front.CodeOverloaded, RetryAfterMS: 1000,
			Message: "The gateway holds too many large messages; not run. Try again after 1 s.",
		}
	case weight.Fits:
	}
	return list{dst: append(append(append(dst, `{"`...), member...), `":[`...), first: true}, nil
}

// add adds an item as it is.
func (l *list) add(raw json.RawMessage) {
	if !l.first {
		l.dst = append(l.dst, ',')
	}
	l.first = false
	l.dst = append(l.dst, raw...)
}

// end ends the result. What a filter has left is never anybody else's to keep.
func (l *list) end(caller agents.Caller, ttlMS int64, meta json.RawMessage) []byte {
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
	text := a.Trouble(a.Route)
	if text == "" {
		return nil
	}
	return append(rawjson.AppendString([]byte(`{"`+endpoint.OwnMeta+`problem":`), text), '}')
}
