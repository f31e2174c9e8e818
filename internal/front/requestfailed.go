package front

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/shellword"
	"gatehouse/internal/snapshot"
)

// maxRenewals is how often one call is made again because its server had
// forgotten the session.
const maxRenewals = 2

// requestFailed words an error that concerns one request and not the session.
// It returns nil for any other.
func requestFailed(r *snapshot.Route, err error) *Failure {
	name := r.Entry.Name
	if cut, ok := errors.AsType[*endpoint.CutStream](err); ok {
		return &Failure{
			Code: CodeServerCrashed, MayHaveRun: true,
			Message: fmt.Sprintf("%q broke off while running this (%s); it may have taken effect. Check before repeating.", name, shortReason(r, cut.Error())),
		}
	}
	if bad, ok := errors.AsType[*endpoint.BadAnswer](err); ok {
		return &Failure{
			Code: CodeServerError, MayHaveRun: true,
			Message: fmt.Sprintf("%q %s; it may have taken effect. Check before repeating, and tell the user.", name, bad.Error()),
		}
	}
	refused, ok := errors.AsType[*endpoint.RefusedRequest](err)
	if !ok {
		return nil
	}
	fail := &Failure{Code: CodeServerError, MayHaveRun: refused.MayHaveRun, RetryAfterMS: refused.RetryAfter.Milliseconds()}
	if refused.RPC != nil {
		fail.RPC = RedactedRPC(r, refused.RPC)
	}
	scope := ""
	if refused.Scope != "" {
		scope = fmt.Sprintf("; it asks for the scope %q", refused.Scope)
	}
	fail.Message = fmt.Sprintf("%q refused this call: %s%s. %s", name, shortReason(r, refused.Reason), shortReason(r, scope), refusedAdvice(r, refused))
	return fail
}

func refusedAdvice(r *snapshot.Route, refused *endpoint.RefusedRequest) string {
	wantsLogin := refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden && refused.Scope != ""
	switch {
	case !refused.MayHaveRun && wantsLogin && r.Entry.LogsIn():
		return "Not run. Don't try again: tell the user. Log in with: " + shellword.Command("gatehouse login", "", r.Entry.Name)
	case refused.MayHaveRun:
		return "It may have taken effect. Check before repeating, and tell the user."
	case refused.RetryAfter > 0:
		return fmt.Sprintf("Not run. Try again after %d s, at most twice, then tell the user.", (refused.RetryAfter.Milliseconds()+999)/1000)
	default:
		return "Not run. Correct the call if the error says how; else tell the user."
	}
}

func shortReason(r *snapshot.Route, text string) string { return Brief(r.Redact.String(text)) }

// RedactedRPC is a server's error object without the secrets of its entry,
// which servers like to quote in errors, and without members that are the
// gateway's; else it is the server's own bytes.
func RedactedRPC(r *snapshot.Route, rpc json.RawMessage) json.RawMessage {
	clean := json.RawMessage(r.Redact.String(string(rpc)))
	if !json.Valid(clean) {
		return json.RawMessage(`{"code":-32603,"message":"[redacted]"}`)
	}
	return endpoint.WithoutOwnNames(clean)
}
