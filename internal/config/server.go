package config

import (
	"time"

	"gatehouse/internal/policy"
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

// Restart is an entry's restart policy.
type Restart struct {
	Initial     time.Duration // first delay
	Max         time.Duration // longest delay
	MaxFailures int           // more failures than this within Window quarantine
	Window      time.Duration
	Quarantine  time.Duration // time between probes of a quarantined server
}

// Settings is the "gateway" object of an entry, defaults filled in. A change
// of Settings never restarts a server, EnvPass apart.
type Settings struct {
	Start          StartMode
	StartupTimeout time.Duration
	CallTimeout    time.Duration
	DrainTimeout   time.Duration
	RestartWait    time.Duration
	IdleStop       time.Duration // 0 is never
	MaxInFlight    int
	MaxResultBytes int64
	PingInterval   time.Duration // 0 is off
	PingTimeout    time.Duration
	EnvPass        []string
	Restart        Restart
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
	Disabled    bool
	Settings    Settings
}

// Spec is what a server is started or reached with: an Entry with every
// variable expanded. Two equal Specs mean the same process may go on. It holds
// secrets and must never be logged.
type Spec struct {
	Transport Transport
	// Command is a bare name, to be looked up in the child's own PATH, or an
	// absolute path.
	Command string
	Args    []string
	// Env is the child's whole own environment besides the documented base
	// (see BaseEnv): the entry's env plus what env_pass lets through. The
	// entry's envFile is only a source of variables.
	Env     map[string]string
	Cwd     string // absolute; empty for a url server
	URL     string
	Headers map[string]string
}

// Secret is a resolved value that must never be shown, and the name to show
// instead. Values may be short, and one value may occur under several names.
type Secret struct {
	Name  string
	Value string
}
