package resolve

import (
	"gatehouse/internal/serversfile"
)

// Spec is what a server is started or reached with: an Entry with every
// variable expanded. Two equal Specs mean the same process may go on. It holds
// secrets and must never be logged.
type Spec struct {
	Transport serversfile.Transport
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
	// Scope is empty for a server that all agents share.
	Scope serversfile.Scope
	// Auth says how a url server is logged in to.
	Auth serversfile.Auth
}
