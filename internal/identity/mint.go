package identity

import (
	"encoding/base64"
	"encoding/hex"
)

// tokenPrefix lets scanners for leaked secrets recognize a token.
const tokenPrefix = "gatehouse_"

// RandomBytes is how many random bytes a fresh token has: 256 bits.
const RandomBytes = 32

// FormatToken makes a token of random bytes, which nobody else may know.
func FormatToken(random [RandomBytes]byte) string {
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// String is the hash as the rules file has it: lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// ParseDigest reads 64 hex digits, in upper or lower case.
func ParseDigest(s string) (Digest, bool) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return d, false
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err == nil
}
