package front

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/endpoint"
)

// sent hands the request to the session and has the operation read the answer.
// If no byte of it reached the server, because there is no session or it is
// over, the call leaves the cell before it waits, so that no drain waits for
// it.
func (a *Attempt) sent(ctx context.Context) error {
	// Looked at only once the call is counted in: whoever ends a session that
	// nobody uses first takes it out of the status and then counts.
	st := a.Route.Cell.Status()
	if err := a.inItsRun(st); err != nil {
		return err
	}
	if st.State != endpoint.Ready {
		a.leave()
		return a.wait(ctx, st)
	}
	if !time.Now().Before(a.call.limits.deadline) {
		return a.timedOut(false) // What it waited for came as its time was up.
	}
	a.Server, a.Run = st.Session.Info(), endpoint.Run{Cell: a.Route.Cell, Nr: st.Run}
	req := a.request()
	if size := int64(len(req.Params)); req.MaxBytes > 0 && size > req.MaxBytes {
		return a.requestTooLarge(size, req.MaxBytes) // Before it is copied for the wire.
	}
	if a.call.Notice != nil {
		defer a.listen(ctx, st.Session)()
	}
	if a.call.span != nil {
		a.call.span.Sending(a, req.Method)
	}
	resp, err := st.Session.Call(ctx, req)
	a.call.Record.Sent = len(req.Params)
	a.noteOwner(st.Session, err)
	if err == nil {
		a.call.Record.Got = len(resp.Result) + len(resp.Error)
		if resp.Error != nil && a.call.span != nil {
			a.call.span.Refused(resp.Error)
		}
		if a.call.ticket.Held() {
			a.call.ticket.Answered(a.call.Record.Got, time.Now())
		}
		return a.call.op.Answer(a, resp)
	}
	if errors.Is(err, endpoint.ErrRenewed) && a.call.renewals < maxRenewals {
		a.call.renewals++
		return errAgain
	}
	if errors.Is(err, endpoint.ErrStale) && a.call.router.cfg.Store.Load() != a.Snapshot {
		return errAgain
	}
	fail := a.callFailed(ctx, err)
	if fail == nil {
		a.leave()
		return a.wait(ctx, st)
	}
	if fail.Code == CodeTimeout && fail.MayHaveRun && !a.call.Patient {
		a.Route.Cell.NoteOverdue()
	}
	return fail
}

// noteOwner notes in the audit record which other gateway of a fleet has got the call.
// What it was not sent has no owner: it is decided anew and may go elsewhere.
func (a *Attempt) noteOwner(s endpoint.Session, err error) {
	r := &a.call.Record
	r.Owner, r.Epoch = "", 0
	there, ok := s.(endpoint.Elsewhere)
	if !ok {
		return
	}
	if _, notWritten := errors.AsType[*endpoint.NotWritten](err); !notWritten {
		r.Owner, r.Epoch = there.Owner()
	}
}

// request is the operation's, with what the router knows.
func (a *Attempt) request() endpoint.Request {
	req := a.call.op.Request(a.Server)
	req.Deadline, req.Progress = a.call.limits.deadline, a.call.Progress
	req.MaxBytes = a.Route.Entry.Settings.MaxRequestBytes
	req.MaxResultBytes = a.Route.Entry.Settings.MaxResultBytes
	req.By, req.Generation = a.by(), a.Snapshot.Generation
	if a.call.Notice != nil {
		req.LogLevel, req.Notice = a.call.LogLevel, a.noticed
	}
	if a.Route.Cell.Client() == nil { // Only a session's own server may ask its client.
		req.Asks = nil
	}
	return req
}

// callFailed words the error of a session's Call. It returns nil if no byte of
// the request reached the server and it may be tried again.
func (a *Attempt) callFailed(ctx context.Context, err error) *Failure {
	_, notWritten := errors.AsType[*endpoint.NotWritten](err)
	switch {
	case errors.Is(err, endpoint.ErrDeadline), notWritten && !time.Now().Before(a.call.limits.deadline):
		return a.timedOut(!notWritten)
	case ctx.Err() != nil && (notWritten || errors.Is(err, context.Cause(ctx)) || errors.Is(err, ctx.Err())):
		return cancelled(!notWritten)
	case errors.Is(err, endpoint.ErrFull):
		return overloaded(a.Route)
	case notWritten:
		return nil
	}
	if denied, ok := errors.AsType[*endpoint.Denied](err); ok {
		return a.deniedThere(denied)
	}
	if excess, ok := errors.AsType[*endpoint.RequestTooLarge](err); ok {
		return a.requestTooLarge(excess.Size, excess.Limit)
	}
	if large, ok := errors.AsType[*endpoint.TooLarge](err); ok {
		return a.tooLarge(large)
	}
	if errors.Is(err, endpoint.ErrNoRoom) {
		return a.noRoom()
	}
	if errors.Is(err, endpoint.ErrStopped) {
		return stopped(a.Route)
	}
	if fail := requestFailed(a.Route, err); fail != nil {
		return fail
	}
	// What is left is that the session ended by itself: see endpoint.Session.
	return crashed(a.Route, err)
}
