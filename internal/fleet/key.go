package fleet

import "strings"

// KeyOf is what a server, or the instance of an agent of it, is owned under.
// Stores encode it: it may hold any character. The instance of a session has no key.
func KeyOf(server, agent string) string {
	if agent == "" {
		return server
	}
	return server + "\x00" + agent
}

// SplitKey undoes KeyOf.
func SplitKey(key string) (server, agent string) {
	server, agent, _ = strings.Cut(key, "\x00")
	return server, agent
}

// MaxInstances is how many instances of servers for agents a gateway may own: each claim is
// a write to the store.
const MaxInstances = 1000
