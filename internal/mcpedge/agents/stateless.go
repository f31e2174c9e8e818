package agents

import (
	"errors"
	"net/http"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"gatehouse/internal/rawjson"
)

// isStateless reports whether a message over HTTP declares 2026-07-28 or later,
// in its header or in itself.
func isStateless(h http.Header, m message) bool {
	return mcp.IsModernProtocol(h.Get(headerVersion)) || mcp.IsModernProtocol(m.meta.revision())
}

// headersFit reports whether the headers are those that the revision of a call
// asks for, plainly; else checkStateless says what is wrong with them.
func headersFit(h http.Header, r toolRequest) bool {
	version := h.Get(headerVersion)
	if !r.stateless {
		return !mcp.IsModernProtocol(version)
	}
	return version == mcp.ProtocolVersion20260728 && h.Get(mcp.HeaderMethod) == string(mcp.MethodToolsCall) &&
		h.Get(mcp.HeaderName) == r.name && h.Get(mcp.HeaderLastEventID) == ""
}

// checkStateless judges what 2026-07-28 asks of a request's headers: they must
// state the revision, the method and the tool, and agree with the body. What
// they must contain beyond that is judged with the request.
func checkStateless(h http.Header, m message) *rpcFailure {
	header, body := h.Get(headerVersion), m.meta.revision()
	switch {
	case h.Get(mcp.HeaderLastEventID) != "":
		return mismatch("Last-Event-ID is not part of this protocol version")
	case header == "":
		return mismatch(headerVersion + " header is missing")
	case body == "":
		return invalidParams("missing or invalid _meta field " + mcp.MetaKeyProtocolVersion)
	case header != body:
		return mismatch(headerVersion + " header and _meta field " + mcp.MetaKeyProtocolVersion + " differ")
	case !mcp.IsValidProtocolVersion(body):
		return nil // Who reads the request says so, and which ones there are.
	}
	err := mcp.ValidateStandardHeaders(h.Get, body, mcp.MCPMethod(m.method), m.params)
	if err == nil {
		return checkTaskName(h, m)
	}
	if _, ok := errors.AsType[mcp.HeaderMismatchError](err); ok {
		return mismatch(err.Error())
	}
	return invalidParams(err.Error())
}

// checkTaskName judges the header by which a request about a task finds its way: if
// it is there, it must name the task.
func checkTaskName(h http.Header, m message) *rpcFailure {
	value := h.Get(mcp.HeaderName)
	if value == "" || !strings.HasPrefix(m.method, "tasks/") || value == rawjson.Text(rawjson.Get(m.params, "taskId")) {
		return nil // Our ids need no encoding.
	}
	return mismatch(mcp.HeaderName + " header and params.taskId differ")
}

func mismatch(text string) *rpcFailure {
	return &rpcFailure{code: mcp.HEADER_MISMATCH, text: text}
}
