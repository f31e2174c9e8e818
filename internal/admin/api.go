package admin

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/logging"
	"gatehouse/internal/resolve"
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

// Status is the whole of a running gateway. Durations are whole milliseconds.
// Nothing in it is secret.
type Status struct {
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Instance  string    `json:"instance"`
	Started   time.Time `json:"started"`
	UptimeMS  int64     `json:"uptime_ms"`
	Ready     bool      `json:"ready"`             // false once shutdown has begun
	Transport string    `json:"transport"`         // stdio, http or attach
	Address   string    `json:"address,omitempty"` // where agents connect over http
	Ops       string    `json:"ops,omitempty"`     // where operators connect; absent without --ops
	Attach    *Attach   `json:"attach,omitempty"`  // absent if clients cannot attach

	Pinned  []string `json:"pinned"`  // the agents that every caller is one of; empty: no pin
	Clients []string `json:"clients"` // the programs that called last, the newest first
	// Sessions is how many sessions over HTTP are open.
	Sessions int `json:"sessions"`
	// NoticesLost is how many notifications were dropped because clients read too slowly.
	NoticesLost uint64 `json:"notices_lost,omitempty"`

	Generation      uint64    `json:"generation"`
	GenerationSince time.Time `json:"generation_since"`
	GenerationAgeMS int64     `json:"generation_age_ms"`
	PolicyHash      string    `json:"policy_hash"` // SHA-256 of the rules file in force

	RulesUnreadable *Unreadable `json:"rules_unreadable,omitempty"` // absent if the rules are as they were read

	Files []File `json:"files"`
	// PassedOver are files of the folder in which the gateway was started that
	// it did not use, as they were not approved.
	PassedOver *PassedOver    `json:"passed_over,omitempty"`
	Reloads    []Report       `json:"reloads"` // the last one of each file
	Servers    []ServerStatus `json:"servers"` // sorted by name
	Actors     []Actor        `json:"actors"`  // sorted by name; those of servers are in Servers
	Draining   []Drain        `json:"draining"`
	Holds      []Held         `json:"holds"`
	// Limited are whose calls exceeded their limits, the latest first, at most 100.
	Limited []Limited `json:"limited"`
	Rules   Rules     `json:"rules"`
	// StrayAnswers counts answers of clients that no server waits for: they are late,
	// forged or another session's.
	StrayAnswers uint64 `json:"stray_answers"`
	// Fleet is absent for a gateway that is not one of a fleet.
	Fleet *Fleet `json:"fleet,omitempty"`
	Audit Audit  `json:"audit"`
	Log   Log    `json:"log"`
}

// Actor is an actor of the gateway's that runs.
type Actor struct {
	Name     string    `json:"name"`
	Does     string    `json:"does"`
	Started  time.Time `json:"started"`
	Restarts int       `json:"restarts"` // after failures of its own
}

// Attach is what clients attach to.
type Attach struct {
	Socket     string   `json:"socket"`
	Attached   int      `json:"attached"`   // clients that are
	Background bool     `json:"background"` // whether attach has started the gateway
	LingerMS   int64    `json:"linger_ms"`  // after which it ends without clients; 0 is never
	Args       []string `json:"args"`       // that it was started with
}

// Unreadable says that the rules file has changed and cannot be read.
type Unreadable struct {
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason"`
	Refusing bool      `json:"refusing"` // whether calls are refused for it
}

// File is a file that the gateway uses.
type File struct {
	Role string `json:"role"` // servers, rules or env
	Path string `json:"path"`
	Why  string `json:"why"`            // why this one was chosen
	Hash string `json:"hash,omitempty"` // SHA-256 of the bytes in force
}

// PassedOver are the files of a folder that were not used.
type PassedOver struct {
	Dir   string   `json:"dir"`
	Files []string `json:"files"`
	Why   string   `json:"why"`
	Hint  string   `json:"hint"` // how to use them
}

// Report is what became of one change of one file. It is the event of the
// reload in the words of this API, which other programs read: a type of its
// own, so that the event can change without it.
type Report struct {
	At         time.Time               `json:"at"`
	Role       string                  `json:"role"`
	File       string                  `json:"file"`
	Trigger    string                  `json:"trigger"`
	Outcome    string                  `json:"outcome"`    // applied, rejected or unchanged
	Generation uint64                  `json:"generation"` // the one in force after it
	Added      []string                `json:"added"`
	Removed    []string                `json:"removed"`
	Changed    []resolve.ChangedServer `json:"changed"` // a new process or connection
	Updated    []string                `json:"updated"` // the process goes on
	Problems   []jsondoc.Problem       `json:"problems"`
	ElapsedMS  float64                 `json:"elapsed_ms"`
	// LastGood is when a change of the file was last not rejected; absent if all were.
	LastGood *time.Time `json:"last_good,omitempty"`
}

// Rejected is the Outcome of a change that was refused.
const Rejected = "rejected"

// ServerStatus is one entry of the servers file, as it is now.
type ServerStatus struct {
	Name        string     `json:"name"`
	Actor       string     `json:"actor,omitempty"` // its actor, NAME@GENERATION; absent if it has none
	Of          string     `json:"of,omitempty"`    // the server that it is an instance of; absent if it is none
	State       string     `json:"state"`
	Since       time.Time  `json:"since"`
	Run         uint64     `json:"run"`
	PID         int        `json:"pid,omitempty"`
	Node        string     `json:"node,omitempty"`      // the gateway of the fleet that runs it, if another one
	UptimeMS    int64      `json:"uptime_ms,omitempty"` // since it became ready
	Restarts    int        `json:"restarts"`
	RunSince    *time.Time `json:"run_since,omitempty"`  // when the latest run began
	LastCrash   *time.Time `json:"last_crash,omitempty"` // when a run last ended by itself
	InFlight    int        `json:"in_flight"`
	Waiting     int        `json:"waiting"`          // calls that wait for those of others
	Reason      string     `json:"reason,omitempty"` // why it is not ready
	LastError   string     `json:"last_error,omitempty"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
	Tools       *int       `json:"tools,omitempty"` // absent while unknown
	// ToolsProblem says why the tools may not be all that the server has.
	ToolsProblem string `json:"tools_problem,omitempty"`
	// ToolChanges is how many definitions changed since the gateway began, also
	// against what the gateway before it saw.
	ToolChanges uint64 `json:"tool_changes,omitempty"`
	// AccessChanges says of the latest of them, the latest first, who may use a tool
	// now or no longer.
	AccessChanges []string `json:"access_changes,omitempty"`
	// Protocol is the MCP revision that was last spoken with the server.
	Protocol string `json:"protocol,omitempty"`
	// Auth is how the login of a url server is; absent if there is none and nobody has
	// asked for one.
	Auth *Auth `json:"auth,omitempty"`
	// Suspects are tools that ran at two or more crashes of the server.
	Suspects []string `json:"suspects,omitempty"`
	// Blocks are whose calls are refused, as they have ended the server.
	Blocks []Block `json:"blocks,omitempty"`
	// Calls are those that the rules allowed since the gateway began, also over
	// restarts of the server; Errors those of them that failed, and ToolErrors
	// those of these that failed by the tool's own word.
	Calls      uint64 `json:"calls"`
	Errors     uint64 `json:"errors"`
	ToolErrors uint64 `json:"tool_errors"`
	// LastGood is when a call last ended well; absent if none has.
	LastGood *time.Time `json:"last_good,omitempty"`
	// P50MS and P99MS are how long half of the calls, and 99 of 100, took at
	// most, waits included, rounded up by a quarter at most.
	P50MS float64 `json:"p50_ms"`
	P99MS float64 `json:"p99_ms"`
}

// The states of a login.
const (
	LoggedIn   = "logged-in"
	NeedsLogin = "needs-auth"
)

// Auth is how the login of a server is.
type Auth struct {
	State   string     `json:"state"` // LoggedIn, or NeedsLogin: a person has to log in, again or for more
	Issuer  string     `json:"issuer,omitempty"`
	Account string     `json:"account,omitempty"`
	Expires *time.Time `json:"expires,omitempty"` // of what it has now; absent if that is not known
	Renews  bool       `json:"renews"`            // by itself
	Store   string     `json:"store,omitempty"`
	// Wanted are scopes that the server asked for in vain.
	Wanted  []string `json:"wanted,omitempty"`
	Problem string   `json:"problem,omitempty"` // why the last renewal failed
}

// Block says that calls of a caller are refused until a time.
type Block struct {
	Agent   string    `json:"agent,omitempty"`  // absent: any agent from the origin
	Origin  string    `json:"origin,omitempty"` // the id of a credential, or an address
	Tool    string    `json:"tool,omitempty"`   // absent: any tool
	Until   time.Time `json:"until"`
	Crashes int       `json:"crashes"` // how many ends of the server it explains
	Reason  string    `json:"reason"`  // why the server ended
}

// ServerDetail is all there is to know of one server. Of variables and headers
// it has the names only.
type ServerDetail struct {
	ServerStatus

	Transport string   `json:"transport"`         // stdio, http, sse or auto
	Command   []string `json:"command,omitempty"` // with its arguments, as the servers file has them
	Cwd       string   `json:"cwd,omitempty"`     // as the servers file has it, else the folder that it gets
	Env       []string `json:"env,omitempty"`     // names of the entry's variables
	EnvFile   string   `json:"env_file,omitempty"`
	EnvPass   []string `json:"env_pass,omitempty"` // patterns of names that it gets from the gateway
	URL       string   `json:"url,omitempty"`      // without userinfo and query
	Headers   []string `json:"headers,omitempty"`  // names
	// Position is where the entry stands, file:line:column.
	Position string `json:"position"`
	// Fingerprint is the same for two forms of an entry exactly if none needs another
	// process: the first digits of a SHA-256 with variables expanded.
	Fingerprint string `json:"fingerprint"`

	Output  []OutputLine  `json:"output"`  // the last lines that it wrote, the oldest first
	History []ServerEvent `json:"history"` // what happened to it, the oldest first
	Crashes []Crash       `json:"crashes"` // the last ones, the oldest first
}

// Crash is a run of a server that ended by itself.
type Crash struct {
	At       time.Time       `json:"at"`
	Run      uint64          `json:"run"`
	Phase    string          `json:"phase"`
	Reason   string          `json:"reason"`
	InFlight int             `json:"in_flight"` // calls that were running
	Calls    []endpoint.Call `json:"calls"`     // the oldest of them
	Stderr   []string        `json:"stderr"`    // the last lines
}

// OutputLine is a line that a server wrote, secrets taken out.
type OutputLine struct {
	At     time.Time `json:"at"`
	Run    uint64    `json:"run"`
	Stream string    `json:"stream"` // stderr, or stdout for what is not MCP
	Line   string    `json:"line"`
}

// ServerEvent is something that happened to a server.
type ServerEvent struct {
	At      time.Time `json:"at"`
	Run     uint64    `json:"run,omitempty"`
	Event   string    `json:"event"` // as in the log: "server crashed"
	Details string    `json:"details,omitempty"`
}

// Drain is an earlier form of a server whose last calls are ending.
type Drain struct {
	Server     string    `json:"server"`
	Generation uint64    `json:"generation"`
	Since      time.Time `json:"since"`
}

// Held is a hold in force. Its server may have left the servers file.
type Held struct {
	Server string    `json:"server"`
	Until  time.Time `json:"until,omitzero"` // zero, and absent: until it is released
	Why    string    `json:"why,omitempty"`
}

// Limited is an agent whose calls exceeded its limits.
type Limited struct {
	Agent      string    `json:"agent"`
	Credential string    `json:"credential,omitempty"`
	Refused    uint64    `json:"refused"` // calls since the gateway began
	Limit      string    `json:"limit"`   // the path of the one that refused the last
	At         time.Time `json:"at"`      // when that was
}

// Rules counts what the rules in force have.
type Rules struct {
	Agents int `json:"agents"`
	Roles  int `json:"roles"`
	// Limited is how many agents have limits.
	Limited int `json:"limited"`
}

// Audit counts the records of this process.
type Audit struct {
	Written uint64 `json:"written"`       // records in the file
	Lost    uint64 `json:"lost"`          // records that never will be
	Queued  int    `json:"queued"`        // records that wait to be written
	Failed  uint64 `json:"failed"`        // attempts to write or to sync that failed
	Rotated uint64 `json:"rotated"`       // how often this gateway rotated the file
	Dropped uint64 `json:"dropped"`       // old files that it deleted
	Young   uint64 `json:"young"`         // those that should have been kept, but the disk was nearly full
	Cut     uint64 `json:"cut"`           // how often the last lines had gone
	Summed  uint64 `json:"summarized"`    // refused calls that share a line with others
	Err     string `json:"err,omitempty"` // why nothing can be written now
	// Out counts the lines that are sent elsewhere as well; nil if none are.
	Out *AuditOut `json:"out,omitempty"`
}

// AuditOut counts lines of the audit log that are sent elsewhere.
type AuditOut struct {
	To     string `json:"to"`
	Sent   uint64 `json:"sent"`
	Lost   uint64 `json:"lost"` // there was no room for them while nothing could be sent; the file has them
	Queued int    `json:"queued"`
	Err    string `json:"err,omitempty"` // why nothing can be sent now
}

// Log counts the lines that this process has logged on stderr.
type Log struct {
	Written uint64 `json:"written"`
	Lost    uint64 `json:"lost"`          // lines that nobody read in time, or at all
	Err     string `json:"err,omitempty"` // why the last line could not be written
}

// Hold says for how long and why a server is held.
type Hold struct {
	ForMS int64  `json:"for_ms,omitempty"` // 0: until it is released
	Why   string `json:"why,omitempty"`
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
