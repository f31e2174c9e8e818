package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/front"
	"gatehouse/internal/rawjson"
)

// Member is a member of a request's params.
type Member struct {
	Name  string
	Value json.RawMessage // nil is none
}

// Request is a request to a server that is not a tools/call, on its way. It is
// used as its Call is, of which Tool and Args mean nothing.
type Request struct {
	*Call

	Method  string
	Members []Member
	// Shown makes of a result what the agent sees; nil leaves it.
	Shown func(a *front.Attempt, result json.RawMessage) json.RawMessage
	// Kept says that in 2026-07-28 the result says for how long it may be kept.
	Kept bool
}

// Run sends the request and takes the answer. The error is a *front.Failure.
func (r *Request) Run(ctx context.Context, router *front.Router) error {
	if err := r.travel(); err != nil {
		return err
	}
	if err := r.checkWeights(); err != nil {
		return err
	}
	for _, m := range r.Members {
		if err := checkWeight(m.Name, m.Value); err != nil {
			return err
		}
	}
	return r.forward(ctx, router, r)
}

// Request implements front.Operation.
func (r *Request) Request(server endpoint.ServerInfo) endpoint.Request {
	meta, trace := r.carried()
	members := append([]Member{{"_meta", meta}}, r.Members...)
	if server.Stateless() {
		members = append(members, Member{"inputResponses", r.Sent.InputResponses}, Member{"requestState", r.Sent.RequestState})
	}
	params := []byte{'{'}
	for _, m := range members {
		if m.Value == nil {
			continue
		}
		if len(params) > 1 {
			params = append(params, ',')
		}
		params = append(append(rawjson.AppendString(params, m.Name), ':'), m.Value...)
	}
	return endpoint.Request{
		Method: r.Method, Params: append(params, '}'), Capabilities: shownCapabilities(r.capabilities(), r.Extensions), Into: r.Dst, Asks: r.Sent.Asks, Lasts: r.Sent.Lasts, Weight: r.Sent.Weight, Trace: trace,
	}
}

// Answer implements front.Operation.
func (r *Request) Answer(a *front.Attempt, resp endpoint.Response) (err error) {
	if resp.Error != nil {
		return r.refused(a, front.RedactedRPC(a.Route, resp.Error))
	}
	if rawjson.First(resp.Result) != '{' {
		return &front.Failure{Code: front.CodeServerError, Message: fmt.Sprintf("%q answered %s with something that is no result. Tell the user.", a.Route.Entry.Name, r.Method)}
	}
	result := json.RawMessage(endpoint.WithoutOwnMeta(resp.Result))
	if r.Shown != nil {
		result = r.Shown(a, result)
	}
	answer := Look(result)
	switch answer.kind() {
	case inputRequired:
		r.Result, err = r.input(a, answer)
		return err
	case complete:
	default:
		if a.Server.Stateless() {
			return refuseResult(a, answer.ResultType.Of(answer.Raw))
		}
	}
	if r.Kept && !beforeStateless(r.Caller.Protocol) {
		answer = Look(PrivatelyKept(answer.Raw))
	}
	r.Result = answer
	return nil
}

// MaxTTL is the longest time for which a client may keep what passes, in
// milliseconds.
const MaxTTL = 300_000

// PrivatelyKept is a result that its client alone may keep, for at most MaxTTL:
// the rules decide who sees it.
func PrivatelyKept(result json.RawMessage) json.RawMessage {
	ttl, _ := strconv.ParseInt(string(rawjson.Get(result, "ttlMs")), 10, 64)
	result = rawjson.Set(result, "cacheScope", []byte(`"private"`))
	return rawjson.Set(result, "ttlMs", strconv.AppendInt(nil, min(max(ttl, 0), MaxTTL), 10))
}
