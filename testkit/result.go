package testkit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

// Result is the result of a gateway tool as a client sees it.
type Result struct {
	IsError    bool
	Text       string // all text blocks, one a line
	Structured json.RawMessage
	Meta       map[string]any
	// Error is structuredContent.error of a failure of the gateway's own; nil
	// for a good result and for a server's own isError.
	Error *CallError
	// Raw is the whole result as it arrived; only Raw clients have it.
	Raw json.RawMessage
}

// CallError is structuredContent.error.
type CallError struct {
	Code         string          `json:"code"`
	Message      string          `json:"message"`
	Server       string          `json:"server"`
	Tool         string          `json:"tool"`
	Rule         string          `json:"rule"`
	Available    []string        `json:"available"`
	State        string          `json:"state"`
	RetryAfterMS *int            `json:"retry_after_ms"`
	MayHaveRun   *bool           `json:"may_have_run"`
	RPC          json.RawMessage `json:"rpc"`
	Generation   int             `json:"generation"`
	CallID       string          `json:"call_id"`
}

// Code is the error's code, empty for a good result, "isError" for a server's
// own failure.
func (r Result) Code() string {
	switch {
	case r.Error != nil:
		return r.Error.Code
	case r.IsError:
		return "isError"
	}
	return ""
}

// Good fails the test if the result is an error.
func (r Result) Good(t testing.TB) Result {
	t.Helper()
	if r.IsError {
		t.Fatalf("got an error result, want a good one: %s\n%s", r.Text, r.Structured)
	}
	return r
}

// Failed fails the test unless the result is a failure of the gateway's own
// with this code and a text; it gives the error.
func (r Result) Failed(t testing.TB, code string) *CallError {
	t.Helper()
	if r.Code() != code || r.Error == nil {
		t.Fatalf("got code %q, want %q: %s\n%s", r.Code(), code, r.Text, r.Structured)
	}
	if r.Text == "" || r.Error.Message == "" || r.Error.CallID == "" {
		t.Fatalf("%s without text, message or call_id: %q\n%s", code, r.Text, r.Structured)
	}
	return r.Error
}

// Field returns a member of structuredContent as text, empty if missing.
func (r Result) Field(name string) string {
	var m map[string]json.RawMessage
	if json.Unmarshal(r.Structured, &m) != nil {
		return ""
	}
	var s string
	if json.Unmarshal(m[name], &s) == nil {
		return s
	}
	return string(m[name])
}

// PID is structuredContent.pid, as the fake server's tools say it.
func (r Result) PID(t testing.TB) int {
	t.Helper()
	var v struct{ PID int }
	if err := json.Unmarshal(r.Structured, &v); err != nil || v.PID == 0 {
		t.Fatalf("no pid in the result: %s %s", r.Text, r.Structured)
	}
	return v.PID
}

// fromRaw decodes a result that arrived as JSON.
func fromRaw(raw json.RawMessage) (Result, error) {
	var v struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		StructuredContent json.RawMessage `json:"structuredContent"`
		IsError           bool            `json:"isError"`
		Meta              map[string]any  `json:"_meta"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return Result{}, fmt.Errorf("cannot read the result: %w: %s", err, raw)
	}
	r := Result{IsError: v.IsError, Structured: v.StructuredContent, Meta: v.Meta, Raw: raw}
	var texts []string
	for _, c := range v.Content {
		if c.Type == "text" {
			texts = append(texts, c.Text)
		}
	}
	r.Text = strings.Join(texts, "\n")
	r.fillError()
	return r, nil
}

// fromMCP takes what mcp-go made of a result.
func fromMCP(res *mcp.CallToolResult) (Result, error) {
	r := Result{IsError: res.IsError}
	var texts []string
	for _, c := range res.Content {
		if text, ok := mcp.AsTextContent(c); ok {
			texts = append(texts, text.Text)
		}
	}
	r.Text = strings.Join(texts, "\n")
	if res.StructuredContent != nil {
		b, err := json.Marshal(res.StructuredContent)
		if err != nil {
			return Result{}, err
		}
		r.Structured = b
	}
	if res.Meta != nil {
		r.Meta = res.Meta.AdditionalFields
	}
	r.fillError()
	return r, nil
}

func (r *Result) fillError() {
	if !r.IsError {
		return
	}
	var v struct{ Error *CallError }
	if json.Unmarshal(r.Structured, &v) == nil {
		r.Error = v.Error
	}
}
