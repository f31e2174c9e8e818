package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/identity"
)

const (
	issuer   = "https://idp.example.com/"
	audience = "https://gw.example.com/mcp"
)

var settings = identity.JWT{Issuer: issuer, Audience: audience, KeysURL: "https://idp.example.com/keys", AgentClaim: "https://example.com/agents"}

func jwtSet() *identity.Set { return identity.Compile(identity.Credentials{JWT: &settings}) }

// issuerKeys are made once: RSA keys take their time.
var issuerKeys = sync.OnceValue(func() (k struct {
	rsa, other, small *rsa.PrivateKey
	ec                *ecdsa.PrivateKey
	ed                ed25519.PrivateKey
},
) {
	k.rsa, k.other, k.small = newRSA(2048), newRSA(2048), newRSA(1024)
	k.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func jwk(key any, kid, alg, use string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg, Use: use}
}

func keySet(t *testing.T, list ...any) identity.Keys {
	t.Helper()
	src, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := identity.ParseKeys(src)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func allKeys(t *testing.T) identity.Keys {
	k := issuerKeys()
	return keySet(t, jwk(k.rsa.Public(), "rsa", "RS256", "sig"), jwk(k.ec.Public(), "ec", "", ""), jwk(k.ed.Public(), "ed", "", "sig"),
		jwk(k.other.Public(), "enc", "", "enc"), map[string]string{"kty": "new-fashioned", "kid": "strange"})
}

type claims map[string]any

func good() claims {
	return claims{
		"iss": issuer, "aud": []string{"other", audience}, "sub": "alice", "exp": now.Add(time.Hour).Unix(),
		"nbf": now.Add(-time.Minute).Unix(), "iat": now.Add(-time.Minute).Unix(), settings.AgentClaim: []string{"backend", "reader"},
	}
}

// with returns good claims with changes; nil takes a claim away.
func with(changes claims) claims {
	c := good()
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, c claims) string {
	t.Helper()
	return signedWith(t, (&jose.SignerOptions{}).WithType("at+jwt"), alg, key, kid, c)
}

// headed is a good token but for one member of its header; nil leaves it out.
func headed(t *testing.T, name jose.HeaderKey, value any) string {
	t.Helper()
	opts := &jose.SignerOptions{}
	if value != nil {
		opts = opts.WithHeader(name, value)
	}
	return signedWith(t, opts, jose.ES256, issuerKeys().ec, "ec", good())
}

func signedWith(t *testing.T, opts *jose.SignerOptions, alg jose.SignatureAlgorithm, key any, kid string, c claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signature.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// forged makes a token with any header; mac is its signature's key, for HS256.
func forged(t *testing.T, header, c map[string]any, mac []byte) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(c)
	if mac == nil {
		return text + "."
	}
	h := hmac.New(sha256.New, mac)
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func TestCheckJWT_ofTheIssuer_namesItsAgents(t *testing.T) {
	k := issuerKeys()
	cases := []struct {
		name, token string
		agents      []string
	}{
		{"RSA", signed(t, jose.RS256, k.rsa, "rsa", good()), []string{"backend", "reader"}},
		{"elliptic curve", signed(t, jose.ES256, k.ec, "ec", good()), []string{"backend", "reader"}},
		{"Ed25519", signed(t, jose.EdDSA, k.ed, "ed", good()), []string{"backend", "reader"}},
		{"one agent as a text", signed(t, jose.ES256, k.ec, "ec", with(claims{settings.AgentClaim: "reader"})), []string{"reader"}},
		{"one audience as a text", signed(t, jose.ES256, k.ec, "ec", with(claims{"aud": audience})), []string{"backend", "reader"}},
		{"over, within the leeway", signed(t, jose.ES256, k.ec, "ec", with(claims{"exp": now.Add(-identity.Leeway).Unix()})), []string{"backend", "reader"}},
		{"not yet, within the leeway", signed(t, jose.ES256, k.ec, "ec", with(claims{"nbf": now.Add(identity.Leeway).Unix()})), []string{"backend", "reader"}},
		{"no type", headed(t, "typ", nil), []string{"backend", "reader"}},
		{"the general type", headed(t, "typ", "JWT"), []string{"backend", "reader"}},
		{"the type in full, in another case", headed(t, "typ", "Application/AT+JWT"), []string{"backend", "reader"}},
		{"an agent named twice", signed(t, jose.ES256, k.ec, "ec", with(claims{settings.AgentClaim: []string{"a", "a"}})), []string{"a"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := jwtSet().CheckJWT(c.token, allKeys(t), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.agents, got.Agents); diff != "" || got.Credential != "jwt:alice" {
				t.Errorf("got %q, agents (-want +got):\n%s", got.Credential, diff)
			}
		})
	}
}

func TestCheckJWT_attacks_areRefused(t *testing.T) {
	k := issuerKeys()
	head := func(alg, kid string) map[string]any { return map[string]any{"alg": alg, "kid": kid} }
	der, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	publicJWK, err := json.Marshal(jwk(k.rsa.Public(), "rsa", "RS256", "sig"))
	if err != nil {
		t.Fatal(err)
	}
	ec := func(c claims) string { return signed(t, jose.ES256, k.ec, "ec", c) }
	valid := ec(good())
	parts := strings.Split(valid, ".")
	embedded := func() string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: k.other}, &jose.SignerOptions{EmbedJWK: true})
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := json.Marshal(good())
		signature, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := signature.CompactSerialize()
		return text
	}
	other, _ := json.Marshal(with(claims{settings.AgentClaim: "admin"}))
	cases := []struct {
		name, token string
		want        error
	}{
		{"alg none", forged(t, head("none", "rsa"), good(), nil), identity.ErrUnknown},
		{"alg None, another case", forged(t, head("None", "rsa"), good(), nil), identity.ErrUnknown},
		{"no alg", forged(t, map[string]any{"kid": "rsa"}, good(), nil), identity.ErrUnknown},
		{"the public key's PEM as a shared secret", forged(t, head("HS256", "rsa"), good(), publicPEM), identity.ErrUnknown},
		{"the public key's DER as a shared secret", forged(t, head("HS256", "rsa"), good(), der), identity.ErrUnknown},
		{"the public JWK as a shared secret", forged(t, head("HS256", "rsa"), good(), publicJWK), identity.ErrUnknown},
		{"an RSA header over a shared secret's signature", forged(t, head("RS256", "rsa"), good(), publicPEM), identity.ErrUnknown},
		{"an algorithm that the key is not meant for", signed(t, jose.PS256, k.rsa, "rsa", good()), identity.ErrUnknown},
		{"an algorithm of another kind of key", forged(t, head("ES256", "rsa"), good(), publicPEM), identity.ErrUnknown},
		{"a key of somebody else under a known kid", signed(t, jose.RS256, k.other, "rsa", good()), identity.ErrUnknown},
		{"a key that the token brings along", embedded(), identity.ErrUnknownKey},
		{"an unknown kid", signed(t, jose.RS256, k.rsa, "nobody", good()), identity.ErrUnknownKey},
		{"a kid in another case", signed(t, jose.RS256, k.rsa, "RSA", good()), identity.ErrUnknownKey},
		{"no kid where there are several keys", signed(t, jose.RS256, k.rsa, "", good()), identity.ErrUnknownKey},
		{"a key for encryption", signed(t, jose.RS256, k.other, "enc", good()), identity.ErrUnknownKey},
		{"no signature", parts[0] + "." + parts[1] + ".", identity.ErrUnknown},
		{"other claims under a good signature", parts[0] + "." + base64.RawURLEncoding.EncodeToString(other) + "." + parts[2], identity.ErrUnknown},
		{"a header that asks for more", forged(t, map[string]any{"alg": "RS256", "kid": "rsa", "crit": []string{"x"}, "x": 1}, good(), publicPEM), identity.ErrUnknown},
		{"a token for another use", headed(t, "typ", "logout+jwt"), identity.ErrUnknown},
		{"a proof of possession", headed(t, "typ", "dpop+jwt"), identity.ErrUnknown},
		{"the empty type", headed(t, "typ", ""), identity.ErrUnknown},
		{"a type that is a number", headed(t, "typ", 7), identity.ErrUnknown},
		{"nothing that must be understood", headed(t, "crit", []string{}), identity.ErrUnknown},
		{"null that must be understood", headed(t, "crit", json.RawMessage("null")), identity.ErrUnknown},
		{"another issuer", ec(with(claims{"iss": "https://evil.example"})), identity.ErrUnknown},
		{"an issuer that differs in a slash", ec(with(claims{"iss": strings.TrimSuffix(issuer, "/")})), identity.ErrUnknown},
		{"an issuer in another case", ec(with(claims{"iss": strings.ToUpper(issuer)})), identity.ErrUnknown},
		{"no issuer", ec(with(claims{"iss": nil})), identity.ErrUnknown},
		{"another audience", ec(with(claims{"aud": "https://other.example"})), identity.ErrUnknown},
		{"an audience that begins alike", ec(with(claims{"aud": audience + "/x"})), identity.ErrUnknown},
		{"no audience", ec(with(claims{"aud": nil})), identity.ErrUnknown},
		{"an audience of numbers", ec(with(claims{"aud": []any{1, audience}})), identity.ErrUnknown},
		{"over", ec(with(claims{"exp": now.Add(-identity.Leeway - time.Second).Unix()})), identity.ErrExpired},
		{"no end", ec(with(claims{"exp": nil})), identity.ErrUnknown},
		{"an end that is no number", ec(with(claims{"exp": "never"})), identity.ErrUnknown},
		{"an end beyond all time", ec(with(claims{"exp": 1e300})), identity.ErrUnknown},
		{"not valid yet", ec(with(claims{"nbf": now.Add(time.Hour).Unix()})), identity.ErrNotYet},
		{"issued in the future", ec(with(claims{"iat": now.Add(time.Hour).Unix()})), identity.ErrNotYet},
		{"no subject", ec(with(claims{"sub": nil})), identity.ErrUnknown},
		{"a subject that would break a log line", ec(with(claims{"sub": "alice\nadmin"})), identity.ErrUnknown},
		{"an endless subject", ec(with(claims{"sub": strings.Repeat("a", 10_000)})), identity.ErrUnknown},
		{"no agents", ec(with(claims{settings.AgentClaim: nil})), identity.ErrNoAgent},
		{"an empty list of agents", ec(with(claims{settings.AgentClaim: []string{}})), identity.ErrNoAgent},
		{"the empty agent", ec(with(claims{settings.AgentClaim: ""})), identity.ErrNoAgent},
		{"an agent that is none", ec(with(claims{settings.AgentClaim: []string{"backend", "a b"}})), identity.ErrNoAgent},
		{"an agent that looks like another", ec(with(claims{settings.AgentClaim: "b\u0430ckend"})), identity.ErrNoAgent},
		{"agents as an object", ec(with(claims{settings.AgentClaim: map[string]bool{"backend": true}})), identity.ErrNoAgent},
		{"the agents' claim in another case", ec(with(claims{settings.AgentClaim: nil, strings.ToUpper(settings.AgentClaim): "backend"})), identity.ErrUnknown},
		{"the agents' claim a second time, in another case", ec(with(claims{strings.ToUpper(settings.AgentClaim): "admin"})), identity.ErrUnknown},
		{"an issuer a second time, in another case", ec(with(claims{"Iss": issuer})), identity.ErrUnknown},
		{"an issuer by a look-alike", ec(with(claims{"i\u017fs": issuer})), identity.ErrUnknown},
		{"an end in another case", ec(with(claims{"exp": nil, "EXP": now.Add(time.Hour).Unix()})), identity.ErrUnknown},
		{"a type a second time, in another case", headed(t, "TYP", "JWT"), identity.ErrUnknown},
		{"too many agents", ec(with(claims{settings.AgentClaim: strings.Split(strings.Repeat("a ", 100), " ")})), identity.ErrNoAgent},
		{"a huge one", ec(with(claims{"filler": strings.Repeat("x", identity.MaxTokenBytes)})), identity.ErrUnknown},
		{"rubbish", "a.b.c", identity.ErrUnknown},
		{"nothing", "", identity.ErrUnknown},
		{"five parts", valid + ".a.b", identity.ErrUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := jwtSet().CheckJWT(c.token, allKeys(t), now)
			if !errors.Is(err, c.want) || got != nil {
				t.Errorf("got %+v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestCheckJWT_whereNoneAreAccepted_isRefused(t *testing.T) {
	text := signed(t, jose.ES256, issuerKeys().ec, "ec", good())
	for name, set := range map[string]*identity.Set{"nil": nil, "tokens alone": tokens()} {
		if _, err := set.CheckJWT(text, allKeys(t), now); !errors.Is(err, identity.ErrUnknown) {
			t.Errorf("%s: got %v, want %v", name, err, identity.ErrUnknown)
		}
	}
}

func TestCheckJWT_withoutKid_fitsTheOnlyKey(t *testing.T) {
	k := issuerKeys()
	keys := keySet(t, jwk(k.ec.Public(), "ec", "", ""))
	if _, err := jwtSet().CheckJWT(signed(t, jose.ES256, k.ec, "", good()), keys, now); err != nil {
		t.Error(err)
	}
	if _, err := jwtSet().CheckJWT(signed(t, jose.RS256, k.rsa, "", good()), keys, now); !errors.Is(err, identity.ErrUnknown) {
		t.Errorf("another key: got %v, want %v", err, identity.ErrUnknown)
	}
}

func TestCheckJWT_oneKidForTwoKeys_triesBoth(t *testing.T) {
	k := issuerKeys()
	keys := keySet(t, jwk(k.other.Public(), "k", "", ""), jwk(k.rsa.Public(), "k", "", ""))
	if _, err := jwtSet().CheckJWT(signed(t, jose.RS256, k.rsa, "k", good()), keys, now); err != nil {
		t.Error(err)
	}
}

func TestParseKeys_leavesOutWhatIsUnsafe(t *testing.T) {
	k := issuerKeys()
	secret := map[string]string{"kty": "oct", "kid": "s", "k": base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))}
	unsafe := map[string]any{
		"a shared secret":          secret,
		"a private key":            jwk(k.ec, "p", "", ""),
		"a small RSA key":          jwk(k.small.Public(), "r", "", ""),
		"a key for encryption":     jwk(k.rsa.Public(), "e", "", "enc"),
		"a key for HS256":          jwk(k.rsa.Public(), "h", "HS256", ""),
		"a key for no algorithm":   jwk(k.rsa.Public(), "n", "none", ""),
		"an unknown kind of a key": map[string]string{"kty": "x"},
		"no key":                   5,
		"a kind in another case":   map[string]string{"KTY": "RSA"},
	}
	for name, key := range unsafe {
		src, err := json.Marshal(map[string]any{"keys": []any{key}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := identity.ParseKeys(src); err == nil {
			t.Errorf("%s is taken, want an error", name)
		}
	}
	for _, src := range []string{"", "null", "[]", "{}", `{"keys": {}}`, `{"keys": []}`, strings.Repeat("[", 100_000), strings.Repeat(" ", identity.MaxKeysBytes+1)} {
		if _, err := identity.ParseKeys([]byte(src)); err == nil {
			t.Errorf("%.20q is taken for keys, want an error", src)
		}
	}
	good, err := json.Marshal(jwk(k.ec.Public(), "p", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{`{"KTY":"RSA",`, `{"kid":"other",`, `{"Alg":"none",`, `{"USE":"enc",`} {
		src := `{"keys":[` + strings.Replace(string(good), "{", odd, 1) + `]}`
		if _, err := identity.ParseKeys([]byte(src)); err == nil {
			t.Errorf("%s is taken, want an error: it can be read in two ways", src)
		}
	}
	for src, want := range map[string]bool{
		`{"keys":[%s]}`: true, `{"KEYS":[%s]}`: false, `{"keys":[%s],"keys":[%[1]s]}`: false, `{"keys":[%s],"Keys":[]}`: false,
	} {
		if _, err := identity.ParseKeys(fmt.Appendf(nil, src, good)); (err == nil) != want {
			t.Errorf("%s: got %v, want it to be taken: %v", src, err, want)
		}
	}
}

func TestRecheck_ofAJWT(t *testing.T) {
	c, err := jwtSet().CheckJWT(signed(t, jose.ES256, issuerKeys().ec, "ec", good()), allKeys(t), now)
	if err != nil {
		t.Fatal(err)
	}
	moved := settings
	moved.Audience = "another"
	cases := []struct {
		name string
		set  *identity.Set
		at   time.Time
		ok   bool
	}{
		{"the same", jwtSet(), now, true},
		{"over", jwtSet(), now.Add(time.Hour + identity.Leeway), false},
		{"accepted for something else now", identity.Compile(identity.Credentials{JWT: &moved}), now, false},
		{"no longer accepted", tokens(), now, false},
		{"no credentials any more", nil, now, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if _, ok := tc.set.Recheck(c, tc.at); ok != tc.ok {
				t.Errorf("got %v, want %v", ok, tc.ok)
			}
		})
	}
}

func FuzzCheckJWT_neverLetsInWhatIsNotSigned(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	src, _ := json.Marshal(map[string]any{"keys": []any{jwk(ec.Public(), "ec", "", "")}})
	keys, err := identity.ParseKeys(src)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if c, err := jwtSet().CheckJWT(token, keys, now); err == nil || c != nil {
			t.Errorf("%q must not be accepted as %+v", token, c)
		}
	})
}

// FuzzParseKeys reads any set of keys: what is taken can check a signature.
func FuzzParseKeys(f *testing.F) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	good, _ := json.Marshal(map[string]any{"keys": []any{jwk(ec.Public(), "ec", "", "")}})
	f.Add(good)
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"RSA","n":"AQ","e":"AQ"}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		keys, err := identity.ParseKeys(src)
		if err != nil {
			return
		}
		if c, err := jwtSet().CheckJWT("eyJhbGciOiJub25lIn0.e30.", keys, now); err == nil {
			t.Errorf("by the keys %s nobody must be let in without a signature, got %+v", src, c)
		}
	})
}
