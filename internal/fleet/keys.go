package fleet

import (
	"net/url"
	"strings"
)

// The keys of a fleet in a store that has keys, below its own prefix. Names are
// encoded in them: they may hold any character.
const (
	KeyCandidate  = "config/candidate"
	KeyActive     = "config/active"
	KeyGeneration = "generation"
	KeySessions   = "sessions/key"
	// KeyFormat has the number of the form in which all others are written.
	KeyFormat = "format"

	// Of each of the first two a name: what has one is not written again.
	KeyCandidateName = "config/candidate.name"
	KeyActiveName    = "config/active.name"

	AcksPrefix    = "acks/"
	NodesPrefix   = "nodes/"
	OwnersPrefix  = "owners/"
	RecordsPrefix = "servers/"
	HoldsPrefix   = "holds/"
	RestartPrefix = "restarts/"
)

// SessionKeyBytes is the length of what Store.SessionKey returns.
const SessionKeyBytes = 32

// AckKey is where a node says what it thinks of a candidate.
func AckKey(node string) string { return AcksPrefix + escape(node) }

// NodeKey is where a node says that it lives.
func NodeKey(node string) string { return NodesPrefix + escape(node) }

// OwnerKey is where it stands who owns a key.
func OwnerKey(key string) string { return OwnersPrefix + encode(key) }

// RecordKey is where the owner of a key writes about it.
func RecordKey(key string) string { return RecordsPrefix + encode(key) }

// HoldKey is where an operator's wish about a server stands.
func HoldKey(server string) string { return HoldsPrefix + encode(server) }

// RestartKey is where it stands that an operator wants a fresh process of a server.
func RestartKey(server string) string { return RestartPrefix + encode(server) }

// encode writes SERVER or SERVER@AGENT; an @ in either is encoded.
func encode(key string) string {
	server, agent := SplitKey(key)
	encoded := escape(server)
	if agent != "" {
		encoded += "@" + escape(agent)
	}
	return encoded
}

func escape(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), "@", "%40")
}

// decode undoes encode; ok is false for what encode does not write.
func decode(encoded string) (key string, ok bool) {
	server, agent, _ := strings.Cut(encoded, "@")
	name, err1 := url.PathUnescape(server)
	scope, err2 := url.PathUnescape(agent)
	key = KeyOf(name, scope)
	return key, err1 == nil && err2 == nil && encode(key) == encoded
}
