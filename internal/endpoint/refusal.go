package endpoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/rawjson"
)

// ErrRenewed is the cause of a NotWritten whose request the server refused for a
// session that it no longer knew. A new one has taken its place and the same
// Session goes on: the request can be made again at once.
var ErrRenewed = errors.New("the server no longer knew the session, and a new one was opened")

// RefusedRequest means that a url server refused one request, or answered it with
// something that is not an answer. The session goes on.
type RefusedRequest struct {
	Reason     string // status, content type and what the server said: one line, redacted
	Status     int    // of the HTTP response
	RetryAfter time.Duration
	Scope      string          // that the server's challenge asks for
	RPC        json.RawMessage // the JSON-RPC error object that came with it, unchanged; nil if there was none
	MayHaveRun bool            // the status does not exclude that the request was run
}

func (e *RefusedRequest) Error() string { return e.Reason }

// Denied means that the gateway which runs the server does not let the agent do this, by
// its own rules. No byte of the request reached the server. The session goes on.
type Denied struct {
	Step string // of the decision, as policy.Step words it
	Rule string // the path of the rule that decided, "" if none did
}

func (e *Denied) Error() string { return "the gateway that runs the server does not allow it" }

// CutStream means that the connection of one request broke before the answer was
// there. The request may have been run. The session goes on.
type CutStream struct{ Cause error }

func (e *CutStream) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *CutStream) Unwrap() error { return e.Cause }

// BadAnswer means that a server answered one request with something that cannot
// be used. The request has most likely been run. The session goes on.
type BadAnswer struct {
	What string // one line without anything of the answer itself
}

func (e *BadAnswer) Error() string { return "answered with " + e.What }

// wordKeys are the names under which errors have their words, the best first.
var wordKeys = []string{"message", "error", "detail", "error_description", "title", "reason", "data"}

// general are the messages that say no more than a code does. What has happened
// then stands in the data, if anywhere.
var general = map[string]bool{
	"error": true, "internal error": true, "internal server error": true, "server error": true,
	"invalid params": true, "invalid request": true, "invalid request parameters": true,
}

// ErrorWords returns the words of a JSON-RPC error, or of what a server sends in
// place of one: a string, an object whose message stands under another name or
// deeper, or anything else, which is then returned as it is. It is neither cut nor
// redacted.
func ErrorWords(raw json.RawMessage) string {
	words := errorWords(raw, true)
	if !general[strings.ToLower(strings.TrimRight(words, ". "))] {
		return words
	}
	if more := strings.TrimSpace(errorWords(rawjson.Get(raw, "data"), false)); more != "" && more != words {
		return strings.TrimRight(words, ". ") + ": " + more
	}
	return words
}

// errorWords is ErrorWords without data beside a message. deeper looks into the
// members, too.
func errorWords(raw json.RawMessage, deeper bool) string {
	var text string
	if rawjson.Decode(raw, &text) == nil {
		return text
	}
	for _, key := range wordKeys {
		value := rawjson.Get(raw, key)
		if rawjson.Decode(value, &text) == nil && strings.TrimSpace(text) != "" {
			return text
		}
	}
	for _, key := range wordKeys {
		if first := rawjson.First(rawjson.Get(raw, key)); deeper && (first == '{' || first == '[') {
			if words := errorWords(rawjson.Get(raw, key), false); words != "" {
				return words
			}
		}
	}
	switch text := string(raw); text {
	case "", "null", "{}", "[]", `""`:
		return ""
	default:
		if rawjson.First(raw) == '{' && rawjson.Get(raw, "code") != nil {
			return ""
		}
		return text
	}
}

// ErrorText returns the words of an error and, in parentheses, its code: a
// number or a word.
func ErrorText(raw json.RawMessage) string {
	words := cmp.Or(ErrorWords(raw), "no message")
	code := rawjson.Get(raw, "code")
	var word string
	if rawjson.Decode(code, &word) != nil {
		word = string(code)
	}
	if word == "" || word == "null" {
		return words
	}
	return fmt.Sprintf("%s (%s)", words, word)
}
