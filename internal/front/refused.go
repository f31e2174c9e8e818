package front

import (
	"errors"
	"fmt"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/snapshot"
)

// sessionRenewed stands for the status of a server whose session has just been
// replaced by another: there is nothing to wait for.
var sessionRenewed = &endpoint.Status{}

// maxRenewals is how often one call may be made again for that.
const maxRenewals = 2

// requestFailed words an error that concerns one request and not the session;
// nil for any other.
func requestFailed(r *snapshot.Route, err error) *failure {
	name := r.Entry.Name
	if cut, ok := errors.AsType[*endpoint.CutStream](err); ok {
		return &failure{
			Code: codeServerCrashed, MayHaveRun: true,
			Message: fmt.Sprintf("%q broke off while running this (%s); it may have taken effect. Check before repeating.", name, shortReason(r, cut.Error())),
		}
	}
	if bad, ok := errors.AsType[*endpoint.BadAnswer](err); ok {
		return &failure{
			Code: codeServerError, MayHaveRun: true,
			Message: fmt.Sprintf("%q %s; it may have taken effect. Check before repeating, and tell the user.", name, bad.Error()),
		}
	}
	refused, ok := errors.AsType[*endpoint.RefusedRequest](err)
	if !ok {
		return nil
	}
	fail := &failure{Code: codeServerError, MayHaveRun: refused.MayHaveRun, RetryAfterMS: refused.RetryAfter.Milliseconds()}
	if refused.RPC != nil {
		fail.RPC = redacted(r, refused.RPC)
	}
	scope := ""
	if refused.Scope != "" {
		scope = fmt.Sprintf("; it asks for the scope %q", refused.Scope)
	}
	fail.Message = fmt.Sprintf("%q refused this call: %s%s. %s", name, shortReason(r, refused.Reason), shortReason(r, scope), refusedAdvice(refused))
	return fail
}

func refusedAdvice(refused *endpoint.RefusedRequest) string {
	switch {
	case refused.MayHaveRun:
		return "It may have taken effect. Check before repeating, and tell the user."
	case refused.RetryAfter > 0:
		return fmt.Sprintf("Not run. Try again after %d s, at most twice, then tell the user.", (refused.RetryAfter.Milliseconds()+999)/1000)
	default:
		return "Not run. Correct the call if the error says how; else tell the user."
	}
}

func shortReason(r *snapshot.Route, text string) string { return cut(r.Redact.String(text)) }
