package serversfile

import (
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/restart"
)

// Transport says how a server is reached.
type Transport string

// The transports. Auto is a url without a type: streamable HTTP is tried
// first, then SSE.
const (
	Stdio Transport = "stdio"
	HTTP  Transport = "http"
	SSE   Transport = "sse"
	Auto  Transport = "auto"
)

// StartMode says when a server is started.
type StartMode string

// The start modes. The zero value means that the entry does not say, so the
// gateway's own --init-strategy decides.
const (
	Eager StartMode = "eager"
	Lazy  StartMode = "lazy"
)

// Scope says whom a process or connection of a server is for.
type Scope string

// The scopes. Under ScopeAgent each agent has one of its own, under ScopeSession each
// session of a client.
const (
	ScopeShared  Scope = "shared"
	ScopeAgent   Scope = "agent"
	ScopeSession Scope = "session"
)

// AgentVariable is the variable that stands for the agent's id in env and headers,
// where that is known.
const AgentVariable = "agent"

// agentIdleStop is idle_stop_ms under ScopeAgent, where the entry does not say.
const agentIdleStop = 5 * time.Minute

// Settings is the "gateway" object of an entry, defaults filled in. A change
// of Settings never restarts a server, EnvPass and Scope apart.
type Settings struct {
	Start          StartMode
	StartupTimeout time.Duration
	CallTimeout    time.Duration
	DrainTimeout   time.Duration
	RestartWait    time.Duration
	IdleStop       time.Duration // 0 is never
	MaxInFlight    int
	// MaxRequestBytes is the largest message of a call that the server is sent.
	MaxRequestBytes int64
	MaxResultBytes  int64
	PingInterval    time.Duration // 0 is off
	PingTimeout     time.Duration
	EnvPass         []string
	Restart         restart.Policy
	Scope           Scope
	// MaxInstances is how many processes or connections there may be where the
	// scope is not ScopeShared.
	MaxInstances int
	// SessionIdle is how long an instance is kept under ScopeSession without a sign of
	// life of its session; 0 is as long as the session. A task is kept that long under
	// any scope.
	SessionIdle time.Duration
	// Single is whether a fleet of gateways runs the server once; nil leaves it to the
	// transport.
	Single *bool
	// PassMethods are the methods of extensions that pass on the server's own surface.
	PassMethods []string
}

// Entry is one server of .mcp.json as written: variables are not expanded.
// Its maps and slices are never changed after parsing.
type Entry struct {
	Name        string
	Pos         policy.Position // of its key
	Description string
	Transport   Transport
	Command     string
	Args        []string
	Env         map[string]string
	EnvFile     string
	Cwd         string
	URL         string
	Headers     map[string]string
	Auth        Auth
	Disabled    bool
	Settings    Settings
}

// RunsOnce reports whether all gateways of a fleet share one process or connection
// of the server, instead of each having one of its own.
func (e Entry) RunsOnce() bool {
	if e.Settings.Single != nil {
		return *e.Settings.Single
	}
	return e.Transport == Stdio
}

// DefaultSettings are the settings of an entry without a "gateway" object.
func DefaultSettings() Settings {
	return Settings{
		StartupTimeout: time.Minute,
		CallTimeout:    5 * time.Minute,
		DrainTimeout:   5 * time.Minute,
		RestartWait:    10 * time.Second,
		MaxInFlight:    1000,
		// Many servers read lines of at most 10 MiB, and die of a longer one.
		MaxRequestBytes: 4 << 20,
		MaxResultBytes:  32 << 20,
		PingInterval:    30 * time.Second,
		PingTimeout:     10 * time.Second,
		Scope:           ScopeShared,
		MaxInstances:    16,
		Restart: restart.Policy{
			Initial: 250 * time.Millisecond, Max: 30 * time.Second, MaxFailures: 5,
			Window: time.Minute, Quarantine: 5 * time.Minute,
		},
	}
}
