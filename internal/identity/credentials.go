package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"
)

// The limits of what a rules file may say.
const (
	// MaxTokens is how many tokens there may be: each request is compared
	// with all of them.
	MaxTokens = 1000
	// MaxAgents is how many agents one credential may name.
	MaxAgents = 64
	// MaxIDBytes is the greatest length of a token's id.
	MaxIDBytes = 128
	// MinTokenBytes is the smallest length of a token that is accepted. A
	// shorter one could be found by trying.
	MinTokenBytes = 32
	// MaxTokenBytes is the greatest length of a bearer token that is looked at.
	MaxTokenBytes = 16 << 10
)

// Digest is the SHA-256 of a token's bytes.
type Digest [sha256.Size]byte

// DigestOf hashes a token.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// Token is one bearer token of the rules file, known by its hash.
type Token struct {
	// ID names the token in logs and in the audit log.
	ID string
	// Agents are the agents that its bearer may be; the first is meant where
	// the bearer does not say.
	Agents []string
	Digest Digest
	// Expires is when it stops being valid; the zero time means never.
	Expires time.Time
}

// JWT says which access tokens of an issuer are accepted.
type JWT struct {
	// Issuer and Audience are what iss must be and aud must contain.
	Issuer   string
	Audience string
	// KeysURL or KeysFile is where the issuer's public keys are; the other one
	// is empty.
	KeysURL  string
	KeysFile string
	// AgentClaim is the claim that names the agents: a text or an array.
	AgentClaim string
}

// Credentials are the credentials of a rules file, parsed and valid. The zero
// value has none.
type Credentials struct {
	Tokens []Token
	JWT    *JWT
}

// Empty reports whether nobody needs a credential.
func (c Credentials) Empty() bool { return len(c.Tokens) == 0 && c.JWT == nil }

// Set is the credentials of one generation, ready to check callers. The nil
// Set is the empty one.
type Set struct {
	tokens []Token
	jwt    *JWT
}

// Compile makes a Set that shares no memory with c.
func Compile(c Credentials) *Set {
	s := &Set{tokens: make([]Token, len(c.Tokens))}
	for i, t := range c.Tokens {
		t.Agents = slices.Clone(t.Agents)
		s.tokens[i] = t
	}
	if c.JWT != nil {
		s.jwt = new(*c.JWT)
	}
	return s
}

// Empty reports whether nobody needs a credential.
func (s *Set) Empty() bool { return s == nil || len(s.tokens) == 0 && s.jwt == nil }

// JWT returns the settings for access tokens; ok is false if none are accepted.
func (s *Set) JWT() (settings JWT, ok bool) {
	if s == nil || s.jwt == nil {
		return JWT{}, false
	}
	return *s.jwt, true
}

// CheckToken returns who bears a token. How long it takes depends on the token's
// length and on how many there are, not on how much of one was guessed. The
// error is ErrUnknown or ErrExpired.
func (s *Set) CheckToken(token string, now time.Time) (*Caller, error) {
	if s == nil || len(token) < MinTokenBytes || len(token) > MaxTokenBytes {
		return nil, ErrUnknown
	}
	digest := DigestOf(token)
	t := s.find(digest)
	switch {
	case t == nil:
		return nil, ErrUnknown
	case t.expired(now):
		return nil, ErrExpired
	case len(t.Agents) == 0:
		return nil, ErrNoAgent // Else it would be no pin at all.
	}
	return &Caller{Credential: t.ID, Agents: slices.Clone(t.Agents), kind: byToken, digest: digest}, nil
}

// find compares with every token, also after it has found one.
func (s *Set) find(digest Digest) *Token {
	found := -1
	for i := range s.tokens {
		equal := subtle.ConstantTimeCompare(s.tokens[i].Digest[:], digest[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return nil
	}
	return &s.tokens[found]
}

func (t *Token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// Recheck returns which agents a caller may be by this Set, which may be of a
// later generation than the one that let it in. nil means that it is not pinned.
// ok is false if the caller's credential is no longer accepted. A nil caller came
// by a way that asks for no credentials, and is always accepted.
func (s *Set) Recheck(c *Caller, now time.Time) (agents []string, ok bool) {
	if c == nil {
		return nil, true
	}
	switch c.kind {
	case anonymous:
		return nil, s.Empty()
	case own:
		return c.Agents, true
	case byToken:
		if s == nil {
			return nil, false // A nil Set has no tokens to look through.
		}
		t := s.find(c.digest)
		if t == nil || t.ID != c.Credential || t.expired(now) || len(t.Agents) == 0 {
			return nil, false
		}
		return t.Agents, true
	case byJWT:
		settings, has := s.JWT()
		return c.Agents, has && settings == c.settings && now.Before(c.until)
	}
	return nil, false
}
