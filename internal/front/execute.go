package front

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/rawjson"
	"gatehouse/internal/snapshot"
)

// executeTool runs a tool. Each round of the loop decides on one snapshot;
// rounds end without an answer only while nothing has been written.
func (f *Front) executeTool(ctx context.Context, c *call) (result, *failure) {
	b := newBudget(c)
	for {
		snap := f.cfg.Store.Load()
		agent, fail := f.identify(c, snap)
		if fail != nil {
			return result{}, fail
		}
		if fail := f.permit(c, snap, agent, c.args.server, c.args.tool); fail != nil {
			return result{}, fail
		}
		r, fail := f.route(snap, agent, c.args.server)
		if fail != nil {
			return result{}, fail
		}
		b.set(r.Entry.Settings)
		answer, fail, again := f.try(ctx, c, b, snap, agent, r)
		if fail != nil {
			return result{}, fail.on(r.Entry.Name, shown(c.args.tool))
		}
		if !again {
			return answer, nil
		}
	}
}

// try enters the server's cell and sends the call. again means that nothing
// was written and that the call must be decided anew.
func (f *Front) try(ctx context.Context, c *call, b *budget, snap *snapshot.Snapshot, agent string, r *snapshot.Route) (answer result, fail *failure, again bool) {
	select {
	case <-f.stopping:
		return result{}, shuttingDown(r), false
	default:
	}
	if st := r.Cell.Status(); st.State != endpoint.Ready {
		fail = f.wait(ctx, c, b, r, st)
		return result{}, fail, fail == nil
	}
	if fail, again = f.unlisted(ctx, c, b, snap, agent, r); fail != nil || again {
		return result{}, fail, again
	}
	if fail, again = f.begin(ctx, c, b, snap, r); fail != nil || again {
		return result{}, fail, again
	}
	switch r.Cell.Acquire(r.Entry.Settings.MaxInFlight) {
	case endpoint.Full:
		return result{}, overloaded(r), false
	case endpoint.Closed:
		fail = f.closed(r, r.Cell.Status())
		return result{}, fail, fail == nil
	case endpoint.Admitted:
	}
	answer, fail, ended := f.send(ctx, c, b, r)
	if ended == nil {
		return answer, fail, false
	}
	if ended == sessionRenewed {
		return result{}, nil, true
	}
	fail = f.wait(ctx, c, b, r, ended)
	return result{}, fail, fail == nil
}

// send hands the request to the session, and counts the call out of the cell
// again. If no byte of the request reached the server, as there is no session
// or it is over, it gives the status with which that was found.
func (f *Front) send(ctx context.Context, c *call, b *budget, r *snapshot.Route) (answer result, fail *failure, unsent *endpoint.Status) {
	defer r.Cell.Release()
	// Looked at only once the call is counted in: whoever ends a session that
	// nobody uses first takes it out of the status and then counts.
	st := r.Cell.Status()
	if st.State != endpoint.Ready {
		return result{}, nil, st
	}
	resp, err := st.Session.Call(ctx, endpoint.Request{
		Method:         "tools/call",
		Params:         c.params(st.Session.Info()),
		Capabilities:   c.sent.Capabilities,
		Progress:       c.sent.Progress,
		Deadline:       b.deadline,
		Into:           c.dst,
		MaxResultBytes: r.Entry.Settings.MaxResultBytes,
		By:             endpoint.Call{ID: c.id, Agent: c.record.AgentID, Tool: shown(c.args.tool)},
	})
	if errors.Is(err, endpoint.ErrRenewed) && c.renewals < maxRenewals {
		c.renewals++
		return result{}, nil, sessionRenewed
	}
	if err != nil {
		if fail = callFailed(ctx, b, r, err); fail == nil {
			return result{}, nil, st
		}
		if fail.Code == codeTimeout && fail.MayHaveRun {
			r.Cell.NoteOverdue()
		}
		return result{}, fail, nil
	}
	answer, fail = c.result(r, st.Session.Info(), resp)
	return answer, fail, nil
}

// callParams are the params of tools/call: the arguments as the agent wrote
// them.
func callParams(tool string, args json.RawMessage) json.RawMessage {
	if args == nil {
		args = json.RawMessage("{}")
	}
	params := make([]byte, 0, len(tool)+len(args)+len(`{"name":"","arguments":}`))
	params = rawjson.AppendString(append(params, `{"name":`...), tool)
	params = append(append(params, `,"arguments":`...), args...)
	return append(params, '}')
}

// unlisted deals with a tool that the server's list does not have. A list
// older than a second is read once more before the call is refused; as it has
// waited then, it is decided again. A server that never listed its tools is
// simply asked.
func (f *Front) unlisted(ctx context.Context, c *call, b *budget, snap *snapshot.Snapshot, agent string, r *snapshot.Route) (fail *failure, again bool) {
	catalog := r.Cell.Catalog()
	if _, ok := catalog.Lookup(c.args.tool); ok || !catalog.Known {
		return nil, false
	}
	if c.relisted != r.Cell && time.Since(catalog.At) >= time.Second {
		c.relisted = r.Cell
		f.relist(ctx, b, r, catalog)
		if ctx.Err() != nil {
			return cancelled(r, false), false
		}
		return nil, true
	}
	fail = &failure{Code: codeToolNotFound, Available: f.nearestTools(snap, agent, r.Entry.Name, c.args.tool)}
	fail.Message = fmt.Sprintf("There is no tool %q on %q. %s", shown(c.args.tool), r.Entry.Name,
		choose(fail.Available))
	return fail, false
}

// callFailed words the error of a session's Call; nil means that no byte of
// the request reached the server and that it may be tried again.
func callFailed(ctx context.Context, b *budget, r *snapshot.Route, err error) *failure {
	name := r.Entry.Name
	_, notWritten := errors.AsType[*endpoint.NotWritten](err)
	switch {
	case errors.Is(err, endpoint.ErrDeadline), notWritten && !time.Now().Before(b.deadline):
		return timedOut(r, !notWritten)
	case ctx.Err() != nil && (notWritten || errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())):
		return cancelled(r, !notWritten)
	case notWritten:
		return nil
	}
	if large, ok := errors.AsType[*endpoint.TooLarge](err); ok {
		return &failure{
			Code: codeResultTooLarge, MayHaveRun: true,
			Message: fmt.Sprintf("The result of %q is larger than %d bytes and was dropped; the tool has run. Ask for less.", name, large.Limit),
		}
	}
	if errors.Is(err, endpoint.ErrStopped) {
		return &failure{
			Code: codeCancelled, MayHaveRun: true,
			Message: fmt.Sprintf("%q was stopped while running this, because its configuration changed or the gateway shuts down; it may have taken effect. Check before repeating.", name),
		}
	}
	if fail := requestFailed(r, err); fail != nil {
		return fail
	}
	// What is left is that the session ended by itself: see endpoint.Session.
	return &failure{
		Code: codeServerCrashed, MayHaveRun: true, State: string(endpoint.BackingOff), RetryAfterMS: 1000,
		Message: fmt.Sprintf("%q died while running this (%s); it may have taken effect. Check before repeating.", name, cut(r.Redact.String(err.Error()))),
	}
}

func timedOut(r *snapshot.Route, mayHaveRun bool) *failure {
	message := fmt.Sprintf("%q did not take this call in time; not run. Try again after 1 s, at most twice, then tell the user.", r.Entry.Name)
	if mayHaveRun {
		message = fmt.Sprintf("%q did not answer in time; it may still take effect. Check before repeating, or give a longer timeout_ms.", r.Entry.Name)
	}
	return &failure{Code: codeTimeout, Message: message, MayHaveRun: mayHaveRun}
}

func overloaded(r *snapshot.Route) *failure {
	return &failure{
		Code: codeOverloaded, RetryAfterMS: 1000,
		Message: fmt.Sprintf("%q has %d calls in flight, as many as it may; not run. Try again after 1 s.", r.Entry.Name, r.Entry.Settings.MaxInFlight),
	}
}

// result gives the server's answer its final form.
func (c *call) result(r *snapshot.Route, server endpoint.ServerInfo, resp endpoint.Response) (result, *failure) {
	if resp.Error != nil {
		rpc := redacted(r, resp.Error)
		return result{}, &failure{
			Code: codeServerError, RPC: rpc,
			Message: fmt.Sprintf("%q answered with an error: %s. Correct the call if the error says how; else tell the user.", r.Entry.Name, rpcMessage(rpc)),
		}
	}
	if rawjson.First(resp.Result) != '{' {
		return result{}, &failure{
			Code: codeServerError, MayHaveRun: true,
			Message: fmt.Sprintf("%q answered with something that is no tool result; the tool has run. Tell the user.", r.Entry.Name),
		}
	}
	answer := result{raw: resp.Result, into: resp.Into, Outline: resp.Outline}
	if !answer.Known {
		answer.Outline = endpoint.OutlineOf(answer.raw)
	}
	if answer.asksForInput() {
		return c.input(r, server, answer)
	}
	if string(answer.IsError.Of(answer.raw)) == "true" {
		c.record.Outcome = "tool_error"
	}
	if beforeStateless(c.caller.Protocol) {
		answer = textForStructured(answer)
	}
	return answer, nil
}

// redacted is a server's error object without the secrets of its entry, which
// servers like to quote in errors; else it is the server's own bytes.
func redacted(r *snapshot.Route, rpc json.RawMessage) json.RawMessage {
	clean := json.RawMessage(r.Redact.String(string(rpc)))
	if !json.Valid(clean) {
		return json.RawMessage(`{"code":-32603,"message":"[redacted]"}`)
	}
	return clean
}

// rpcMessage is the message of a JSON-RPC error, for people.
func rpcMessage(rpc json.RawMessage) string {
	return cut(endpoint.ErrorText(rpc))
}
