package agents

import (
	"context"
	"encoding/json"
)

// Surface is what agents see at an address of its own, beside the gateway's own
// tools: it answers the methods of MCP itself, but for initialize,
// server/discover and ping, which the edge answers with what the surface says
// of itself. Its methods are called from many goroutines at once.
type Surface interface {
	// Name is what sessions are bound to: one that was opened at a surface is
	// unknown at those of other names.
	Name() string

	// Open reports whether a caller may come in. For others there is nothing at
	// this address. It does not block.
	Open(c Caller) bool

	// Speaker is the agent by which an unpinned caller's share is counted
	// beside its address; the same for all names that nobody knows.
	Speaker(c Caller) string

	// Introduce returns what initialize and server/discover say of the surface.
	// It may block until that is known, and at most until ctx ends.
	Introduce(ctx context.Context, c Caller) (Introduction, *Error)

	// Marks returns a mark of each list as the caller sees it: of the same list it is
	// the same, and 0 of one that nobody knows. It does not block.
	Marks(c Caller) Marks

	// Changed is closed once the marks of somebody may have changed. It is asked for
	// before the marks are.
	Changed() <-chan struct{}

	// Serve answers a request by appending a result to dst, a whole JSON object
	// with all that the caller's revision asks for; or by an error. ctx ends as
	// that of ToolHandler.CallTool.
	Serve(ctx context.Context, c Caller, r Request, dst []byte) (out []byte, failure *Error)
}

// ListKind is a kind of list whose changes clients are told of.
type ListKind int

// The kinds of lists.
const (
	ToolsList ListKind = iota
	ResourcesList
	TemplatesList // of resources: clients hear of both as one
	PromptsList

	listKinds = iota
)

// Marks are the marks of a surface's lists.
type Marks [listKinds]uint64

// Introduction is what a surface says of itself.
type Introduction struct {
	// Capabilities and ServerInfo are objects as MCP has them.
	Capabilities, ServerInfo json.RawMessage
	Instructions             string // "" is none
	// Meta are members of the result's _meta, an object; nil is none.
	Meta json.RawMessage
}

// Request is one request to a surface. Its bytes are as those of a ToolCall.
type Request struct {
	// ToolCall has the tool's name and arguments where Method is tools/call; of
	// other methods the rest.
	ToolCall

	Method string
	// Params are the whole params, nil where there are none, and where Method is
	// tools/call.
	Params json.RawMessage
}

// Error is a JSON-RPC error to answer with.
type Error struct {
	Code   int             // from which the HTTP status follows
	Object json.RawMessage // all of it
}
