package front

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/quota"
)

// limited counts the call against what its agent may use, once: a call that waits
// and is decided anew has been counted.
func (a *Attempt) limited(context.Context) error {
	limits := a.Snapshot.Policy.Limits(a.Agent)
	if limits == nil || a.call.ticket.Held() {
		return nil
	}
	t, key := &a.call.Target, quota.Key{Credential: a.call.Caller.Identity.ID(), Agent: a.Agent}
	tool := t.Name
	if t.Kind.List != endpoint.Tools || a.call.Of != nil {
		tool = "" // Limits of a server's tools are not about it, nor about what is asked of a call later.
	}
	ticket, over, ok := a.call.router.quota.Enter(key, limits, t.Server, tool, time.Now())
	if !ok {
		return rateLimited(over)
	}
	a.call.ticket = ticket
	return nil
}

// answered has the call answered from memory, and counts the bytes.
func (a *Attempt) answered(context.Context) error {
	bytes, err := a.call.read(a)
	if err == nil {
		a.call.ticket.Answered(bytes, time.Now())
	}
	return err
}

// rateLimited says which limit a call would exceed, and when it is worth trying
// again.
func rateLimited(over quota.Exceeded) *Failure {
	wait := (over.Wait + time.Millisecond - 1).Milliseconds()
	of := ""
	if over.Tool != "" {
		of = fmt.Sprintf(" of %q on %q", over.Tool, over.Server)
	}
	fail := &Failure{Code: CodeRateLimited, Rule: over.Limit.Path, RetryAfterMS: wait}
	again := fmt.Sprintf("not run. Try again after %d s, at most twice, then tell the user.", (wait+999)/1000)
	switch over.Kind {
	case quota.Concurrent:
		fail.Message = fmt.Sprintf("%d of your calls%s are running, as many as may at once; %s", over.Limit.N, of, again)
	case quota.Bytes:
		fail.Message = fmt.Sprintf("Your calls%s have returned %d bytes within an hour, as many as you may have; %s Ask for less.", of, over.Limit.N, again)
	case quota.Calls:
		fail.Message = fmt.Sprintf("You may make %s%s a minute, and %d at once, and have made them; %s", plural.Of(over.Limit.N, "call"), of, over.Burst, again)
	}
	return fail
}
