package admin

import (
	"time"

	"gatehouse/internal/endpoint"
)

// ServerStatus is one entry of the servers file, as it is now.
type ServerStatus struct {
	Name  string    `json:"name"`
	Actor string    `json:"actor,omitempty"` // its actor, NAME@GENERATION; absent if it has none
	Of    string    `json:"of,omitempty"`    // the server that it is an instance of; absent for a server itself
	State string    `json:"state"`
	Since time.Time `json:"since"`
	Run   uint64    `json:"run"`
	PID   int       `json:"pid,omitempty"`
	Node  string    `json:"node,omitempty"` // the gateway of the fleet that runs it, if another one
	// Place says where it is and why this gateway cannot run it; absent where it can.
	Place       string     `json:"place,omitempty"`
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
