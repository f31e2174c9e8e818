package peer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"gatehouse/internal/endpoint"
)

// kind is why a call has no answer of its server.
type kind string

// The kinds. Those up to kindFull mean that nothing of the call reached the server.
const (
	kindMoved    kind = "moved"     // not owned here, or under another epoch
	kindStale    kind = "stale"     // decided by an older generation, or for another form
	kindDraining kind = "draining"  // given up here, or about to be
	kindNotReady kind = "not-ready" // owned here, and not running at the moment
	kindRenewed  kind = "renewed"   // endpoint.ErrRenewed
	kindLate     kind = "late"      // its time was up before it was sent
	kindFull     kind = "full"

	kindTooLongRequest kind = "request-too-large"
	kindBlocked        kind = "blocked"
	kindDenied         kind = "denied" // by the rules of the gateway that runs it
	kindTooLarge       kind = "too-large"
	kindNoRoom         kind = "no-room"
	kindRefused        kind = "refused"
	kindCut            kind = "cut"
	kindBadAnswer      kind = "bad-answer"
	kindTimeout        kind = "timeout"
	kindStopped        kind = "stopped"
	kindExit           kind = "exit"
	kindLost           kind = "lost"
)

// statuses are those of HTTP; all others are 502.
var statuses = map[kind]int{
	kindMoved: http.StatusConflict, kindStale: http.StatusConflict, kindDraining: http.StatusConflict, kindNotReady: http.StatusConflict,
	kindRenewed: http.StatusConflict, kindLate: http.StatusConflict, kindFull: http.StatusTooManyRequests,
	kindTooLongRequest: http.StatusRequestEntityTooLarge, kindBlocked: http.StatusForbidden,
	kindDenied: http.StatusForbidden,
}

// failure is a kind with what is known of it, as it travels.
type failure struct {
	Kind       kind            `json:"kind"`
	Reason     string          `json:"reason,omitempty"`     // redacted
	Generation uint64          `json:"generation,omitempty"` // of who answers
	Size       int64           `json:"size,omitempty"`
	Limit      int64           `json:"limit,omitempty"`
	Together   bool            `json:"together,omitempty"`
	Status     int             `json:"status,omitempty"`
	RetryAfter int64           `json:"retry_after_ms,omitempty"`
	Scope      string          `json:"scope,omitempty"`
	RPC        json.RawMessage `json:"rpc,omitempty"`
	MayHaveRun bool            `json:"may_have_run,omitempty"`
	Server     string          `json:"server,omitempty"`
	Run        uint64          `json:"run,omitempty"`
	Phase      endpoint.Phase  `json:"phase,omitempty"`
	Said       string          `json:"said,omitempty"`
	Step       string          `json:"step,omitempty"`
	Rule       string          `json:"rule,omitempty"`
	At         time.Time       `json:"at,omitzero"`
	ReadyFor   int64           `json:"ready_for_ms,omitempty"`
}

// status is the HTTP status of the failure.
func (f *failure) status() int {
	if status, ok := statuses[f.Kind]; ok {
		return status
	}
	return http.StatusBadGateway
}

// failureOf puts the error of a session's Call into a form that travels.
func failureOf(err error, redact func(string) string) *failure {
	if notWritten, ok := errors.AsType[*endpoint.NotWritten](err); ok {
		return unwritten(notWritten)
	}
	f := &failure{Kind: kindLost, Reason: redact(err.Error())}
	if exit, ok := errors.AsType[*endpoint.Exit](err); ok {
		f.Kind, f.Server, f.Run, f.Phase, f.Said = kindExit, exit.Server, exit.Run, exit.Phase, redact(exit.Said)
		f.At, f.ReadyFor = exit.At, exit.ReadyFor.Milliseconds()
		return f
	}
	if large, ok := errors.AsType[*endpoint.TooLarge](err); ok {
		f.Kind, f.Limit, f.Together = kindTooLarge, large.Limit, large.Together
	}
	if long, ok := errors.AsType[*endpoint.RequestTooLarge](err); ok {
		f.Kind, f.Size, f.Limit = kindTooLongRequest, long.Size, long.Limit
	}
	if refused, ok := errors.AsType[*endpoint.RefusedRequest](err); ok {
		f.Kind, f.Status, f.RetryAfter, f.Scope = kindRefused, refused.Status, refused.RetryAfter.Milliseconds(), redact(refused.Scope)
		f.MayHaveRun, f.RPC = refused.MayHaveRun, redactedJSON(refused.RPC, redact)
	}
	if bad, ok := errors.AsType[*endpoint.BadAnswer](err); ok {
		f.Kind, f.Reason = kindBadAnswer, redact(bad.What)
	}
	if cut, ok := errors.AsType[*endpoint.CutStream](err); ok {
		f.Kind, f.Reason = kindCut, redact(cut.Cause.Error())
	}
	switch {
	case errors.Is(err, endpoint.ErrNoRoom):
		f.Kind = kindNoRoom
	case errors.Is(err, endpoint.ErrStopped):
		f.Kind = kindStopped
	case errors.Is(err, context.DeadlineExceeded) && f.Kind == kindLost:
		f.Kind = kindTimeout
	}
	return f
}

func unwritten(err *endpoint.NotWritten) *failure {
	f := &failure{Kind: kindNotReady, Reason: "the server was not reached"}
	switch {
	case errors.Is(err, endpoint.ErrRenewed):
		f.Kind, f.Reason = kindRenewed, endpoint.ErrRenewed.Error()
	case errors.Is(err, ErrNotOurs):
		f.Kind, f.Reason = kindMoved, ErrNotOurs.Error()
	case errors.Is(err, context.DeadlineExceeded):
		f.Kind, f.Reason = kindLate, endpoint.ErrDeadline.Error()
	}
	return f
}

// redactedJSON redacts JSON; what is not JSON any more then is left out.
func redactedJSON(raw json.RawMessage, redact func(string) string) json.RawMessage {
	if raw == nil {
		return nil
	}
	if clean := json.RawMessage(redact(string(raw))); json.Valid(clean) {
		return clean
	}
	return nil
}

// err is the error of the caller's Call. What a kind means that is not known, from a
// later version, is the safe thing: the call may have run.
func (f *failure) err() error {
	switch f.Kind {
	case kindMoved, kindStale, kindDraining, kindNotReady:
		return &endpoint.NotWritten{Cause: &Refused{Kind: string(f.Kind), Reason: f.Reason, Generation: f.Generation}}
	case kindRenewed:
		return &endpoint.NotWritten{Cause: endpoint.ErrRenewed}
	case kindLate:
		return &endpoint.NotWritten{Cause: endpoint.ErrDeadline}
	case kindFull:
		return &endpoint.NotWritten{Cause: endpoint.ErrFull}
	case kindTooLongRequest:
		return &endpoint.RequestTooLarge{Size: f.Size, Limit: f.Limit}
	case kindBlocked:
		return &endpoint.RefusedRequest{Reason: f.Reason, Status: http.StatusForbidden, RetryAfter: f.retryAfter()}
	case kindDenied:
		return &endpoint.Denied{Step: f.Step, Rule: f.Rule}
	case kindTooLarge:
		return &endpoint.TooLarge{Limit: f.Limit, Together: f.Together}
	case kindNoRoom:
		return endpoint.ErrNoRoom
	case kindRefused:
		return &endpoint.RefusedRequest{Reason: f.Reason, Status: f.Status, RetryAfter: f.retryAfter(), Scope: f.Scope, RPC: f.RPC, MayHaveRun: f.MayHaveRun}
	case kindBadAnswer:
		return &endpoint.BadAnswer{What: f.Reason}
	case kindTimeout:
		return endpoint.ErrDeadline
	case kindStopped:
		return endpoint.ErrStopped
	case kindExit:
		return &endpoint.Exit{
			Server: f.Server, Run: f.Run, Phase: f.Phase, Reason: f.Reason, Said: f.Said, At: f.At,
			ReadyFor: time.Duration(f.ReadyFor) * time.Millisecond,
		}
	case kindCut, kindLost:
	}
	return &endpoint.CutStream{Cause: errors.New(f.Reason)}
}

func (f *failure) retryAfter() time.Duration { return time.Duration(f.RetryAfter) * time.Millisecond }

// Refused is why the gateway that was taken for the owner of a server did not take a
// call of it, or a session. Nothing of the call reached the server.
type Refused struct {
	// Kind is moved, stale, draining or not-ready.
	Kind   string
	Reason string
	// Generation is the one by which that gateway decides.
	Generation uint64
}

func (e *Refused) Error() string { return e.Reason }
