package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"gatehouse/internal/rawjson"
)

// The limits of an issuer's keys.
const (
	// MaxKeysBytes is the largest JWK set that should be read.
	MaxKeysBytes = 1 << 20
	maxKeys      = 100
	minRSABits   = 2048
)

// keyMembers are the members of a key that decide what it is good for.
var keyMembers = []string{"kty", "kid", "use", "alg", "key_ops", "crv", "n", "e", "x", "y", "d", "k"}

// Keys are the public keys of an issuer. The zero value has none.
type Keys struct{ list []jose.JSONWebKey }

// ParseKeys reads a JWK set (RFC 7517). Keys that are of no use here are left
// out: symmetric and private ones, those for encryption, unknown types and
// curves, RSA below 2048 bits, and those with a member twice or in another letter
// case. It is an error if none is left.
func ParseKeys(src []byte) (Keys, error) {
	if len(src) > MaxKeysBytes {
		return Keys{}, fmt.Errorf("cannot read keys: they are larger than %d bytes", MaxKeysBytes)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := rawjson.Decode(src, &set); err != nil {
		if _, misnamed := errors.AsType[*rawjson.NameError](err); misnamed {
			return Keys{}, fmt.Errorf("cannot read keys: %w", err)
		}
		return Keys{}, errors.New("cannot read keys: this is not a JWK set")
	}
	var keys Keys
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if rawjson.Misnamed(raw, keyMembers...) != nil {
			continue
		}
		if err := key.UnmarshalJSON(raw); err == nil && usable(key) {
			keys.list = append(keys.list, key)
		}
	}
	if len(keys.list) == 0 {
		return Keys{}, errors.New("cannot read keys: the JWK set has no public key for signatures")
	}
	return keys, nil
}

func usable(key jose.JSONWebKey) bool {
	return key.Valid() && (key.Use == "" || key.Use == "sig") && len(algorithmsOf(key)) > 0
}

// algorithmsOf lists the algorithms that may be used with a key: those of its
// type, or the one of them that it is meant for. None for a key that is not
// public: an attacker knows public keys, and could sign with one as if it were
// a shared secret.
func algorithmsOf(key jose.JSONWebKey) []jose.SignatureAlgorithm {
	var fit []jose.SignatureAlgorithm
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() >= minRSABits {
			fit = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
		}
	case *ecdsa.PublicKey:
		switch public.Curve.Params().BitSize {
		case 256:
			fit = []jose.SignatureAlgorithm{jose.ES256}
		case 384:
			fit = []jose.SignatureAlgorithm{jose.ES384}
		case 521:
			fit = []jose.SignatureAlgorithm{jose.ES512}
		}
	case ed25519.PublicKey:
		fit = []jose.SignatureAlgorithm{jose.EdDSA}
	}
	if key.Algorithm == "" {
		return fit
	}
	for _, a := range fit {
		if string(a) == key.Algorithm {
			return []jose.SignatureAlgorithm{a}
		}
	}
	return nil
}

// find returns the keys that a token with this kid may be signed with. A token
// without one fits only where there is one key.
func (k Keys) find(kid string) []jose.JSONWebKey {
	if kid == "" {
		if len(k.list) == 1 {
			return k.list
		}
		return nil
	}
	var found []jose.JSONWebKey
	for _, key := range k.list {
		if key.KeyID == kid {
			found = append(found, key)
		}
	}
	return found[:min(len(found), 4)]
}
