package identity

import (
	"errors"
	"slices"
	"time"
)

// The reasons why a credential is refused. Whoever sent it gets to see them, so
// they reveal nothing about other credentials.
var (
	// ErrUnknown means that no such credential is accepted here.
	ErrUnknown = errors.New("the token is not accepted")
	// ErrExpired means that its time is over.
	ErrExpired = errors.New("the token has expired")
	// ErrNotYet means that its time has not begun.
	ErrNotYet = errors.New("the token is not valid yet")
	// ErrUnknownKey means that a JWT is signed with an unknown key;
	// fresh keys of the issuer may have it.
	ErrUnknownKey = errors.New("the token's key is not known")
	// ErrNoAgent means that the credential is good and names no agent to be.
	ErrNoAgent = errors.New("the token names no agent")
	// ErrPinnedOut means that the listener is pinned to other agents.
	ErrPinnedOut = errors.New("the token's agents are not served here")
)

// kind is how a Caller proved who it is. The zero value is never accepted.
type kind int

const (
	_ kind = iota
	anonymous
	byToken
	byJWT
	own
)

// Caller is who sent a request, as far as its credential proves it. It is
// immutable, and holds no part of a token.
type Caller struct {
	// Credential names what was proved: the id of a token, "jwt:" and the
	// subject of a JWT, or "" where no credential is asked for.
	Credential string
	// Agents are those that the caller may be, the first by default; nil means
	// that the caller is not pinned.
	Agents []string

	kind     kind
	digest   Digest    // of a token
	settings JWT       // by which a JWT was accepted
	until    time.Time // when a JWT is over
}

// Anonymous is the caller of a request where no credential is asked for.
func Anonymous() *Caller { return &nobody }

var nobody = Caller{kind: anonymous}

// Own is a caller that came by a way that only the gateway's user has, and may be
// one of these agents, the first by default. Without agents it is nil, which is
// not pinned.
func Own(agents []string) *Caller {
	if len(agents) == 0 {
		return nil
	}
	return &Caller{Agents: agents, kind: own}
}

// ID returns the caller's credential; "" for a nil caller.
func (c *Caller) ID() string {
	if c == nil {
		return ""
	}
	return c.Credential
}

// Within returns the caller with only those of its agents that are in pinned; nil
// pins nothing. The error is ErrPinnedOut if none is left.
func (c *Caller) Within(pinned []string) (*Caller, error) {
	if len(pinned) == 0 {
		return c, nil
	}
	agents := Common(c.Agents, pinned)
	if len(agents) == 0 {
		return nil, ErrPinnedOut
	}
	next := *c
	next.Agents = agents
	return &next, nil
}

// Common returns the agents that two pins allow, in the order of the first; an
// empty pin allows all. For two pins without a common agent the list is empty
// but not nil.
func Common(first, second []string) []string {
	switch {
	case len(first) == 0 && len(second) == 0:
		return nil
	case len(first) == 0:
		return second
	case len(second) == 0:
		return first
	}
	return slices.DeleteFunc(slices.Clone(first), func(a string) bool { return !slices.Contains(second, a) })
}
