package front

import (
	"encoding/json"
	"time"

	"gatehouse/internal/rawjson"
	"gatehouse/internal/textcut"
)

// The error codes that agents see.
const (
	codeDenied            = "DENIED_BY_POLICY"
	codeInvalidArgument   = "INVALID_ARGUMENT"
	codeServerNotFound    = "SERVER_NOT_FOUND"
	codeToolNotFound      = "TOOL_NOT_FOUND"
	codeServerUnavailable = "SERVER_UNAVAILABLE"
	codeServerCrashed     = "SERVER_CRASHED"
	codeServerError       = "SERVER_ERROR"
	codeResultTooLarge    = "RESULT_TOO_LARGE"
	codeTimeout           = "TIMEOUT"
	codeCancelled         = "CANCELLED"
	codeOverloaded        = "OVERLOADED"
	codeInternal          = "INTERNAL"
)

// failure is what an agent is told when a call did not work.
type failure struct {
	Code         string          `json:"code"`
	Message      string          `json:"message"`
	Server       string          `json:"server,omitempty"`
	Tool         string          `json:"tool,omitempty"`
	Rule         string          `json:"rule,omitempty"`
	Available    []string        `json:"available,omitzero"` // nil is absent, empty is said
	State        string          `json:"state,omitempty"`
	RetryAfterMS int64           `json:"retry_after_ms,omitempty"`
	MayHaveRun   bool            `json:"may_have_run,omitempty"`
	RPC          json.RawMessage `json:"rpc,omitempty"`
	Generation   uint64          `json:"generation"`
	CallID       string          `json:"call_id"`
}

// on names the server and the tool that the failure is about.
func (f *failure) on(server, tool string) *failure {
	f.Server, f.Tool = server, tool
	return f
}

// result is the tool result that carries the failure.
func (f *failure) result() json.RawMessage {
	return mustJSON(struct {
		Content    []block        `json:"content"`
		Structured map[string]any `json:"structuredContent"`
		IsError    bool           `json:"isError"`
	}{
		Content:    []block{{"text", f.Message}},
		Structured: map[string]any{"error": f},
		IsError:    true,
	})
}

// block is a text block of a result.
type block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// retryAfter is in how many whole milliseconds at the latest it is worth
// trying again: at the next attempt if one is planned, else after atLeast.
func retryAfter(next, now time.Time, atLeast time.Duration) int64 {
	wait := atLeast
	if next.After(now) {
		wait = max(wait, next.Sub(now))
	}
	return wait.Milliseconds()
}

// own makes the result of an answer that is the gateway's: the value as text
// and as structured content.
func own(value any) result {
	body := mustJSON(value)
	return look(mustJSON(struct {
		Content    []block         `json:"content"`
		Structured json.RawMessage `json:"structuredContent"`
	}{[]block{{"text", string(body)}}, body}))
}

// mustJSON leaves raw values as they are but for white space: no HTML escapes.
func mustJSON(v any) json.RawMessage {
	raw, err := rawjson.Marshal(v)
	if err != nil {
		panic("internal: " + err.Error())
	}
	return raw
}

// maxNameShown is how much of a name of unknown length a message repeats, in
// bytes.
const maxNameShown = 128

func shown(name string) string { return textcut.Marked(name, maxNameShown) }
