package front

import (
	"encoding/json"

	"gatehouse/internal/rawjson"
)

// The error codes that agents see, beside those of package policy for a caller
// who cannot be told.
const (
	CodeDenied            = "DENIED_BY_POLICY"
	CodeInvalidArgument   = "INVALID_ARGUMENT"
	CodeServerNotFound    = "SERVER_NOT_FOUND"
	CodeServerUnavailable = "SERVER_UNAVAILABLE"
	CodeServerCrashed     = "SERVER_CRASHED"
	CodeServerError       = "SERVER_ERROR"
	CodeResultTooLarge    = "RESULT_TOO_LARGE"
	CodeTimeout           = "TIMEOUT"
	CodeCancelled         = "CANCELLED"
	CodeOverloaded        = "OVERLOADED"
	CodeRulesUnreadable   = "RULES_UNREADABLE"
	CodeConfigStale       = "CONFIG_STALE"
	CodeBlocked           = "CALL_BLOCKED"
	CodeRateLimited       = "RATE_LIMITED"
	CodeInternal          = "INTERNAL"
)

// Failure is what an agent is told when a call did not work. It is an error
// value; JSON is how agents see it.
type Failure struct {
	Code    string
	Message string // what is wrong and what to do next, for the model
	Server  string
	Rule    string // the path of the rule that decided
	// Available are names to use instead: nil says nothing, empty that there
	// are none.
	Available    []string
	State        string // of the server
	RetryAfterMS int64
	MayHaveRun   bool
	RPC          json.RawMessage // the server's own error object
	Generation   uint64
	CallID       string

	kind *Kind  // of what the failure is about
	name string // "" where it is about no more than the server
}

func (f *Failure) Error() string { return f.Message }

// JSON is the failure's error object.
func (f *Failure) JSON() json.RawMessage {
	out := make(json.RawMessage, 0, len(f.Message)+16*len(f.Available)+300)
	out = rawjson.AppendString(append(out, `{"code":`...), f.Code)
	out = rawjson.AppendString(append(out, `,"message":`...), f.Message)
	if f.Server != "" {
		out = rawjson.AppendString(append(out, `,"server":`...), f.Server)
	}
	if f.name != "" {
		out = append(rawjson.AppendString(append(out, ','), f.kind.Noun), ':')
		out = rawjson.AppendString(out, f.name)
	}
	rest := marshal(struct {
		Rule         string          `json:"rule,omitempty"`
		Available    []string        `json:"available,omitzero"` // nil is absent, empty is said
		State        string          `json:"state,omitempty"`
		RetryAfterMS int64           `json:"retry_after_ms,omitempty"`
		MayHaveRun   bool            `json:"may_have_run,omitempty"`
		RPC          json.RawMessage `json:"rpc,omitempty"`
		Generation   uint64          `json:"generation"`
		CallID       string          `json:"call_id"`
	}{f.Rule, f.Available, f.State, f.RetryAfterMS, f.MayHaveRun, f.RPC, f.Generation, f.CallID})
	return append(append(out, ','), rest[1:]...)
}

// marshal is rawjson.Marshal for values that can only fail to encode by a bug.
func marshal(v any) json.RawMessage {
	raw, err := rawjson.Marshal(v)
	if err != nil {
		panic("internal: " + err.Error())
	}
	return raw
}
