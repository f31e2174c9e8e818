package admin

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/logging"
)

// Gateway is what a Server serves. Its methods are called from many
// goroutines at once. Their errors are *Error where the status matters.
type Gateway interface {
	// Status does not block.
	Status() Status
	// Server is the whole of one server. It does not block.
	Server(name string) (ServerDetail, error)
	// Reload has every file read again and returns the reports; it blocks until
	// all are in or ctx ends.
	Reload(ctx context.Context) ([]Report, error)
	// Reloads lists the last reports of all files, the oldest first. It does not
	// block.
	Reloads() []Report
	// Access says which agents may use which servers by the rules in force. It does
	// not block.
	Access(q AccessQuery) Access
	// Operate restarts, releases or holds a server and returns once it is in
	// force; running calls may go on longer.
	Operate(ctx context.Context, action Action, server string, hold Hold) (Operated, error)
	// Move has another gateway of the fleet run a server that runs once, node or, if
	// that is empty, one that is chosen. It blocks until it runs there, or will not,
	// but for no longer than its drain and startup timeouts together and some seconds.
	Move(ctx context.Context, server, node string) (Moved, error)
	// Apply puts a configuration into the fleet. It blocks until all replicas decide by
	// it, one cannot, or their time is over; what has become of it is no error.
	Apply(ctx context.Context, q ApplyQuery) (Applied, error)
	// Settled returns how a server is once it is ready, or will not be without
	// anybody's doing. It blocks until then, for the server's startup timeout at
	// most.
	Settled(ctx context.Context, server string) (ServerStatus, error)
	// Tools lists the tools of one server, or of all when server is empty;
	// with an agent only those it may use. It does not block.
	Tools(server, agent string) (Tools, error)
	// ToolChanges lists definitions that changed, the oldest change of each
	// server first.
	ToolChanges(server string) ([]ToolChange, error)
	// Find searches as search_tools does. It does not block.
	Find(s Search) (SearchAnswer, error)
	// Call runs a tool as execute_tool does. It blocks for as long as that.
	Call(ctx context.Context, call Call) (json.RawMessage, error)
	// OpsLink makes a link that opens the operators' page once, within a minute.
	OpsLink(OpsLinkQuery) (OpsLink, error)
	// End has the gateway end in order, as SIGTERM does. It does not wait for that.
	End()
	// Logs is the log so far and from now on.
	Logs() *logging.Ring
	// NodeLogs are lines of the log of one gateway of the fleet so far, the oldest
	// first. It blocks until they are there or ctx ends.
	NodeLogs(ctx context.Context, q LogQuery) ([]json.RawMessage, error)
}

// Action is what an operator does to one server.
type Action string

// The actions.
const (
	Restart    Action = "restart"
	Release    Action = "release"
	HoldServer Action = "hold"
)

// Hold says for how long and why a server is held.
type Hold struct {
	ForMS int64  `json:"for_ms,omitempty"` // 0: until it is released
	Why   string `json:"why,omitempty"`
	// From is the gateway of a fleet that a server does not wait for any more: of a Release
	// alone.
	From string `json:"from,omitempty"`
}

// OpsLinkQuery says what a link to the operators' page is for.
type OpsLinkQuery struct {
	// Here makes a link for a browser of the gateway's own user on this machine: no
	// other user, and no server behind the gateway, can use it.
	Here bool `json:"here,omitempty"`
}

// OpsLink is a link that opens the operators' page once.
type OpsLink struct {
	URL       string `json:"url"`
	ExpiresMS int64  `json:"expires_ms"`
}

// Operated is the answer to an action.
type Operated struct {
	Server     string `json:"server"`
	Action     Action `json:"action"`
	Generation uint64 `json:"generation"`
	Note       string `json:"note,omitempty"`
}

// Tools is the answer of /v1/tools.
type Tools struct {
	Agent   string        `json:"agent,omitempty"`
	Servers []ServerTools `json:"servers"`
	Tokens  int           `json:"tokens"` // of all definitions together
}

// ServerTools are the tools of one server.
type ServerTools struct {
	Server string `json:"server"`
	State  string `json:"state"`
	Known  bool   `json:"known"` // false until it has listed its tools once
	Tools  []Tool `json:"tools"`
	Tokens int    `json:"tokens"`
	// Problem says why these may not be all that the server has.
	Problem string `json:"problem,omitempty"`
}

// ToolChange is one definition of a server's that was another one before.
type ToolChange struct {
	At     time.Time `json:"at"`
	Server string    `json:"server"`
	Tool   string    `json:"tool"`
	Change string    `json:"change"`          // new, changed or removed
	Was    string    `json:"was,omitempty"`   // SHA-256 of the definition before
	Hash   string    `json:"hash,omitempty"`  // and now
	Words  string    `json:"words,omitempty"` // what went in [-...-], what came in {+...+}
	// Access says who may use the tool now or no longer, as the rules ask for what its
	// server says of it.
	Access string `json:"access,omitempty"`
}

// Tool is one tool and what its definition costs.
type Tool struct {
	Name   string `json:"name"`
	Tokens int    `json:"tokens"`
	// Annotations are what the server says of the tool, as rules write it.
	Annotations string `json:"annotations,omitempty"`
}

// Call is a tool call of the operator's.
type Call struct {
	Server    string          `json:"server"`
	Tool      string          `json:"tool"`
	Args      json.RawMessage `json:"args,omitempty"`
	Agent     string          `json:"agent,omitempty"`
	TimeoutMS int64           `json:"timeout_ms,omitempty"` // 0: the server's own
}

// Error is a refusal with its status of HTTP.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }
