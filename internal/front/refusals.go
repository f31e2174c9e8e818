package front

import (
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/textcut"
)

// unavailable says what state keeps the server from serving, and when to try
// again.
func unavailable(r *snapshot.Route, st *endpoint.Status) *Failure {
	name := r.Entry.Name
	fail := &Failure{Code: CodeServerUnavailable, State: string(st.State)}
	because := ""
	if st.Reason != "" {
		because = " (" + Brief(r.Redact.String(st.Reason)) + ")"
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

// retryAfter is how many milliseconds to wait before another try: until the
// next attempt if one is planned, else atLeast.
func retryAfter(next, now time.Time, atLeast time.Duration) int64 {
	wait := atLeast
	if next.After(now) {
		wait = max(wait, next.Sub(now))
	}
	return wait.Milliseconds()
}

func shuttingDown() *Failure {
	return &Failure{
		Code: CodeServerUnavailable, State: string(endpoint.Stopped), RetryAfterMS: 5000,
		Message: "The gateway is shutting down; not run. Try again after 5 s, at most twice, then tell the user.",
	}
}

func cancelled(mayHaveRun bool) *Failure {
	message := "The call was cancelled; not run."
	if mayHaveRun {
		message = "The call was cancelled while it ran; it may have taken effect. Check before repeating."
	}
	return &Failure{Code: CodeCancelled, Message: message, MayHaveRun: mayHaveRun}
}

func (a *Attempt) timedOut(mayHaveRun bool) *Failure {
	name := a.Route.Entry.Name
	if !mayHaveRun {
		return &Failure{Code: CodeTimeout, Message: fmt.Sprintf("%q did not take this call in time; not run. Try again after 1 s, at most twice, then tell the user.", name)}
	}
	longer := ""
	if a.call.TimeoutName != "" {
		longer = ", or give a longer " + a.call.TimeoutName
	}
	return &Failure{
		Code: CodeTimeout, MayHaveRun: true,
		Message: fmt.Sprintf("%q did not answer in time; it may still take effect. Check before repeating%s.", name, longer),
	}
}

func overloaded(r *snapshot.Route) *Failure {
	return &Failure{
		Code: CodeOverloaded, RetryAfterMS: 1000,
		Message: fmt.Sprintf("%q has %s in flight, as many as it may; not run. Try again after 1 s.", r.Entry.Name, plural.Of(r.Entry.Settings.MaxInFlight, "call")),
	}
}

func (a *Attempt) requestTooLarge(size, limit int64) *Failure {
	return &Failure{
		Code: CodeInvalidArgument,
		Message: fmt.Sprintf("This call has %d bytes as %q would get it, and at most %d may be sent (its max_request_bytes); not run. "+
			"Send less: several smaller calls, or a path or url in place of the content.", size, a.Route.Entry.Name, limit),
	}
}

func (a *Attempt) tooLarge(e *endpoint.TooLarge) *Failure {
	fail := &Failure{
		Code: CodeResultTooLarge, MayHaveRun: true,
		Message: fmt.Sprintf("The result of %q is larger than %d bytes and was dropped; %s. Ask for less.", a.Route.Entry.Name, e.Limit, a.call.Target.Kind.Ran),
	}
	if e.Together {
		fail.Message = fmt.Sprintf("The results of this batch are together larger than %d bytes, and that of %q was dropped; %s. Make fewer calls at once.",
			e.Limit, a.Route.Entry.Name, a.call.Target.Kind.Ran)
	}
	return fail
}

func (a *Attempt) noRoom() *Failure {
	return &Failure{
		Code: CodeOverloaded, MayHaveRun: true,
		Message: fmt.Sprintf("The gateway holds too many large results, and that of %q was dropped; %s. Check before repeating.",
			a.Route.Entry.Name, a.call.Target.Kind.Ran),
	}
}

func stopped(r *snapshot.Route) *Failure {
	return &Failure{
		Code: CodeCancelled, MayHaveRun: true,
		Message: fmt.Sprintf("%q was stopped while running this, because its configuration changed or the gateway shuts down; it may have taken effect. Check before repeating.", r.Entry.Name),
	}
}

func crashed(r *snapshot.Route, err error) *Failure {
	return &Failure{
		Code: CodeServerCrashed, MayHaveRun: true, State: string(endpoint.BackingOff), RetryAfterMS: 1000,
		Message: fmt.Sprintf("%q died while running this (%s); it may have taken effect. Check before repeating.", r.Entry.Name, Brief(r.Redact.String(err.Error()))),
	}
}

// What an answer repeats of texts of unknown length, in bytes.
const (
	maxShown = 128
	maxBrief = 500
)

// Shown cuts a name for a message.
func Shown(name string) string { return textcut.Marked(name, maxShown) }

// Brief cuts what a server says, a description or a reason.
func Brief(text string) string { return textcut.Marked(text, maxBrief) }
