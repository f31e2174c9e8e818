package front

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
)

// budget is how long a call may take, from its arrival: until deadline in
// all, and until patience for a server that is not ready.
type budget struct {
	arrived  time.Time
	asked    time.Duration // timeout_ms; 0 is the server's own
	deadline time.Time
	patience time.Time
	beats    int // how often a waiting caller has heard so
}

func newBudget(c *call) *budget {
	return &budget{arrived: c.arrived, asked: time.Duration(min(c.args.timeoutMS, maxTimeoutMS)) * time.Millisecond}
}

// maxTimeoutMS is longer than any call_timeout_ms can be set to.
const maxTimeoutMS = 365 * 24 * 60 * 60 * 1000

// set takes the limits of the generation that decides now.
func (b *budget) set(s serversfile.Settings) {
	total := s.CallTimeout
	if b.asked > 0 {
		total = min(total, b.asked)
	}
	b.deadline = b.arrived.Add(total)
	b.patience = b.arrived.Add(min(total, s.RestartWait))
}

// progressEvery is how often a waiting call with a progress token hears that
// it still waits.
const progressEvery = 5 * time.Second

// nextBeat is how long it is until the caller shall hear again that its call
// waits: counted from its arrival, however often the server's state changes.
func (b *budget) nextBeat() time.Duration {
	return time.Until(b.arrived.Add(time.Duration(b.beats+1) * progressEvery))
}

// wait returns nil when it is worth looking at the server again, or says why
// the call is refused: its time is up, the caller is gone, or the server's
// state will not change by itself soon.
func (f *Front) wait(ctx context.Context, c *call, b *budget, r *snapshot.Route, st *endpoint.Status) *failure {
	switch st.State {
	case endpoint.Quarantined, endpoint.Misconfigured, endpoint.NeedsAuth, endpoint.Disabled, endpoint.Held:
		return unavailable(r, st)
	case endpoint.Idle:
		f.cfg.Wake(r.Entry.Name, r.Cell)
	case endpoint.Starting, endpoint.Ready, endpoint.Draining, endpoint.Stopped, endpoint.BackingOff:
	}
	patience := time.NewTimer(time.Until(b.patience))
	defer patience.Stop()
	beat := time.NewTimer(b.nextBeat())
	defer beat.Stop()
	for {
		select {
		case <-st.Replaced():
			return nil
		case <-r.Cell.ClosedC():
			return f.closed(r, st)
		case <-patience.C:
			return unavailable(r, st)
		case <-f.stopping:
			return shuttingDown(r)
		case <-ctx.Done():
			return cancelled(r, false)
		case <-beat.C:
			b.beats++
			c.tellWaiting(r.Entry.Name, r.Cell.Status().State, b.beats)
			beat.Reset(b.nextBeat())
		}
	}
}

// closed is for a cell that takes no more calls. Mostly a newer snapshot
// exists by then; at shutdown there is none.
func (f *Front) closed(r *snapshot.Route, st *endpoint.Status) *failure {
	now, ok := f.cfg.Store.Load().Route(r.Entry.Name)
	if ok && now.Cell == r.Cell {
		return unavailable(r, st)
	}
	return nil
}

// tellWaiting sends a progress notification. The steps are tiny, so that the
// server's own progress, which must only grow, can follow.
func (c *call) tellWaiting(server string, state endpoint.State, n int) {
	if c.sent.Progress == nil {
		return
	}
	c.sent.Progress(mustJSON(struct {
		Progress json.Number `json:"progress"`
		Message  string      `json:"message"`
	}{json.Number(strconv.FormatFloat(float64(n)*1e-6, 'f', 6, 64)), fmt.Sprintf("waiting for %q: %s", server, state)}))
}

// relist asks for a fresh tools/list and waits until it is there, or has not
// come in time, or the server's state has changed.
func (f *Front) relist(ctx context.Context, b *budget, r *snapshot.Route, old *endpoint.Catalog) {
	st := r.Cell.Status()
	f.cfg.Refresh(r.Entry.Name, r.Cell)
	timer := time.NewTimer(min(relistWait, time.Until(b.deadline)))
	defer timer.Stop()
	select {
	case <-old.Replaced():
	case <-st.Replaced():
	case <-r.Cell.ClosedC():
	case <-timer.C:
	case <-f.stopping:
	case <-ctx.Done():
	}
}

// relistWait is how long a call waits for a fresh tools/list before it is
// told that its tool does not exist.
const relistWait = 5 * time.Second

// unavailable says what state keeps the server from serving, and when to try
// again.
func unavailable(r *snapshot.Route, st *endpoint.Status) *failure {
	name := r.Entry.Name
	fail := &failure{Code: codeServerUnavailable, Server: name, State: string(st.State)}
	because := ""
	if st.Reason != "" {
		because = " (" + cut(r.Redact.String(st.Reason)) + ")"
	}
	switch st.State {
	case endpoint.Quarantined, endpoint.NeedsAuth, endpoint.Misconfigured, endpoint.Disabled, endpoint.Held:
		fail.Message = fmt.Sprintf("%q is %s%s; not run. Don't try again: tell the user.", name, st.State, because)
		if !st.RetryAt.IsZero() {
			fail.RetryAfterMS = retryAfter(st.RetryAt, time.Now(), 0)
		}
		return fail
	case endpoint.Idle, endpoint.Starting, endpoint.Ready, endpoint.Draining, endpoint.Stopped, endpoint.BackingOff:
	}
	fail.RetryAfterMS = retryAfter(st.RetryAt, time.Now(), time.Second)
	doing := "starting"
	if st.State == endpoint.BackingOff || st.Restarts > 0 {
		doing = "restarting"
	}
	fail.Message = fmt.Sprintf("%q is %s%s; not run. Try again after %d s, at most twice, then tell the user.",
		name, doing, because, (fail.RetryAfterMS+999)/1000)
	return fail
}

func shuttingDown(r *snapshot.Route) *failure {
	return &failure{
		Code: codeServerUnavailable, Server: r.Entry.Name, State: string(endpoint.Stopped), RetryAfterMS: 5000,
		Message: "The gateway is shutting down; not run. Try again after 5 s, at most twice, then tell the user.",
	}
}

func cancelled(r *snapshot.Route, mayHaveRun bool) *failure {
	message := "The call was cancelled; not run."
	if mayHaveRun {
		message = "The call was cancelled while it ran; it may have taken effect. Check before repeating."
	}
	return &failure{Code: codeCancelled, Server: r.Entry.Name, Message: message, MayHaveRun: mayHaveRun}
}
