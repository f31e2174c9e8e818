package httpauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.uber.org/goleak"

	"gatehouse/internal/httpauth"
	"gatehouse/internal/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://idp.example.com"
	audience = "https://gw.example.com/mcp"
)

// key is one of an issuer's keys.
type key struct {
	kid     string
	private *ecdsa.PrivateKey
}

func newKey(t testing.TB, kid string) key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{kid, private}
}

// published is the JWK set of keys.
func published(t testing.TB, keys ...key) []byte {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid, Use: "sig", Algorithm: "ES256"})
	}
	src, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// token signs an access token for an agent.
func (k key) token(t testing.TB, agents ...string) string {
	t.Helper()
	return k.tokenFor(t, audience, agents...)
}

// tokenFor signs one that is meant for somebody: a text, or a list of them.
func (k key) tokenFor(t testing.TB, audience any, agents ...string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": issuer, "aud": audience, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "agents": agents,
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// counted is a source of keys that counts how often it is asked.
type counted struct {
	answer []byte
	err    error
	asked  int
}

func (c *counted) read(string) ([]byte, error) {
	c.asked++
	return c.answer, c.err
}

func fileStore(c *counted) *httpauth.KeyStore {
	return httpauth.NewKeyStore(c.read, nil, slog.New(slog.DiscardHandler))
}

// ask sends a request with these Authorization headers through a gate.
func ask(g *httpauth.Gate, authorization ...string) (*httptest.ResponseRecorder, *identity.Caller) {
	return askAt(g, "/mcp", authorization...)
}

func askAt(g *httpauth.Gate, path string, authorization ...string) (*httptest.ResponseRecorder, *identity.Caller) {
	r := httptest.NewRequest(http.MethodPost, path, http.NoBody)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	caller, ok := g.Authorize(w, r)
	if !ok {
		return w, nil
	}
	return w, caller
}
