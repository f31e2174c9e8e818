// Package identity decides which agents the bearer of a credential may be.
//
// In: the credentials of a rules file (Credentials), compiled once per
// generation by Compile; a bearer token; the present time; the issuer's keys.
// Out: a Caller, or why the credential is not accepted.
//
// Guarantees: a Set is immutable and safe for concurrent use. It holds hashes
// of tokens, never tokens. Tokens are compared in constant time. A JWT is
// accepted only under a public key of its issuer and an asymmetric algorithm
// that fits this key, with issuer, audience and times checked. No error and no
// Caller holds any part of a token.
//
// Not done here: reading keys from files or the network, HTTP, the clock. What
// an agent may do is the policy's.
//
// Tests are tables of attacks; all of it is computed from values.
package identity
