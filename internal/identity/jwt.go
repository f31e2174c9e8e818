package identity

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/internal/policy"
	"gatehouse/internal/rawjson"
)

// Leeway is how far the clocks of issuer and gateway may differ.
const Leeway = 30 * time.Second

const maxSubjectBytes = 256

// accepted are the algorithms of signatures: asymmetric ones only. Neither
// "none" nor a shared secret is among them.
var accepted = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// LooksLikeJWT reports whether a bearer token has the form of a signed JWT:
// three parts with dots between them.
func LooksLikeJWT(token string) bool { return strings.Count(token, ".") == 2 }

// CheckJWT returns who bears an access token of the issuer, whose keys these are.
// The errors are ErrUnknown, ErrUnknownKey, ErrExpired, ErrNotYet and
// ErrNoAgent. No claim is believed before the signature is verified, and what the
// token says about keys (jwk, jku, x5u, x5c) is ignored. It must be meant for the
// audience of the settings, or for one of also.
func (s *Set) CheckJWT(token string, keys Keys, now time.Time, also ...string) (*Caller, error) {
	settings, ok := s.JWT()
	if !ok || len(token) > MaxTokenBytes {
		return nil, ErrUnknown
	}
	parsed, err := jwt.ParseSigned(token, accepted)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrUnknown
	}
	head := parsed.Headers[0]
	if !validHeader(token) {
		return nil, ErrUnknown
	}
	candidates := keys.find(head.KeyID)
	if len(candidates) == 0 {
		return nil, ErrUnknownKey
	}
	for _, key := range candidates {
		if !slices.Contains(algorithmsOf(key), jose.SignatureAlgorithm(head.Algorithm)) {
			continue
		}
		var claims jwt.Claims
		var all map[string]any
		if err := parsed.Claims(key.Key, &claims, &all); err == nil {
			if !exactClaims(token, settings.AgentClaim) {
				return nil, ErrUnknown
			}
			return callerOf(settings, claims, also, all[settings.AgentClaim], now)
		}
	}
	return nil, ErrUnknown
}

// validHeader reports whether a token has the header of an access token. Its
// type, if it has one, must be the general one or that of RFC 9068: an issuer
// signs other things with the same key, such as logout tokens. Nothing may be
// marked as critical, as nothing beyond the basics is understood here.
func validHeader(token string) bool {
	head, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return false
	}
	var members map[string]any
	if rawjson.Decode(text, &members) != nil || rawjson.Misnamed(text, "alg", "kid", "typ", "crit") != nil {
		return false
	}
	if _, ok := members["crit"]; ok {
		return false
	}
	typ, ok := members["typ"]
	if !ok {
		return true
	}
	name, _ := typ.(string) // Anything else is not a type.
	switch strings.ToLower(name) {
	case "jwt", "at+jwt", "application/at+jwt":
		return true
	default:
		return false
	}
}

// exactClaims reports whether a token has each claim that decides once, and
// none in another letter case: another reader would take it for somebody else's.
func exactClaims(token, agentClaim string) bool {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	return err == nil && rawjson.Misnamed(text, "iss", "sub", "aud", "exp", "nbf", "iat", agentClaim) == nil
}

// callerOf judges claims whose signature is good.
func callerOf(settings JWT, claims jwt.Claims, also []string, agents any, now time.Time) (*Caller, error) {
	if claims.Expiry == nil || settings.Issuer == "" || settings.Audience == "" || !validSubject(claims.Subject) {
		return nil, ErrUnknown
	}
	expected := jwt.Expected{Issuer: settings.Issuer, AnyAudience: append(jwt.Audience{settings.Audience}, also...), Time: now}
	switch err := claims.ValidateWithLeeway(expected, Leeway); {
	case err == nil:
	case errors.Is(err, jwt.ErrExpired):
		return nil, ErrExpired
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return nil, ErrNotYet
	default:
		return nil, ErrUnknown
	}
	names := agentsOf(agents)
	if len(names) == 0 {
		return nil, ErrNoAgent
	}
	return &Caller{
		Credential: "jwt:" + claims.Subject, Agents: names,
		kind: byJWT, settings: settings, until: claims.Expiry.Time().Add(Leeway),
	}, nil
}

// validSubject reports whether a subject is fit to name the caller in logs.
func validSubject(s string) bool {
	return s != "" && len(s) <= maxSubjectBytes && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// agentsOf reads the agents of a claim. One that is not an agent id spoils them
// all: then probably another claim is meant.
func agentsOf(claim any) []string {
	var names []string
	switch v := claim.(type) {
	case string:
		names = []string{v}
	case []any:
		if len(v) > MaxAgents {
			return nil
		}
		for _, e := range v {
			name, ok := e.(string)
			if !ok {
				return nil
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if !slices.ContainsFunc(names, func(n string) bool { return !policy.ValidAgentID(n) }) {
		return names
	}
	return nil
}
