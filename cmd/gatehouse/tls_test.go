package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/testkit"
)

// writeCertificate writes a fresh pair for 127.0.0.1 and gives its serial
// number.
func writeCertificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "gatehouse test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteAtomic(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	testkit.WriteAtomic(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return serial.String()
}

// handshake returns the serial number of the certificate that is shown.
func handshake(t *testing.T, addr string) string {
	t.Helper()
	// The certificate signs itself, and which one it is is the question.
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestTLS_aRenewedCertificate_isUsedAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := writeCertificate(t, dir)
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"),
		Args: []string{"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem")},
	})
	addr := g.Await(t, "gateway listening").Str("addr")
	if got := handshake(t, addr); got != first {
		t.Errorf("got certificate %s, want %s", got, first)
	}
	second := writeCertificate(t, dir)
	testkit.Eventually(t, "the renewed certificate", func() bool { return handshake(t, addr) == second })
	testkit.WriteAtomic(t, filepath.Join(dir, "cert.pem"), "half a certifi")
	mark := g.Log.Len()
	testkit.Eventually(t, "a complaint about the broken one", func() bool {
		if got := handshake(t, addr); got != second {
			t.Fatalf("got certificate %s, want %s", got, second)
		}
		return g.Count(mark, "certificate not renewed, the one before stays in use") > 0
	})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr+"/healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, want %d", resp.StatusCode, http.StatusOK)
	}
}

func TestTLS_withoutAUsableCertificate_nothingIsStarted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem")},
		{"--tls-cert", filepath.Join(dir, "nothing"), "--tls-key", filepath.Join(dir, "key.pem")},
		{"--tls-cert", filepath.Join(dir, "cert.pem")},
		{"--public-url", "gw.example.com"},
	} {
		g := testkit.StartGateway(t, testkit.Options{
			Servers: testkit.Servers{}.JSON(), Rules: testkit.AllowAll("a"), Args: args, NoWait: true, Unclean: true,
		})
		if code := g.Wait(t); code != exitNo && code != exitUsage {
			t.Errorf("%q: exit code %d, want %d or %d", args, code, exitNo, exitUsage)
		}
	}
}

// issuerOf makes an issuer whose keys stand in a file, and gives a function
// that signs tokens.
func issuerOf(t *testing.T, file string) func(audience, kid string, agents ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	testkit.WriteAtomic(t, file, string(set))
	return func(audience, kid string, agents ...string) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(map[string]any{
			"iss": "https://idp.example.com", "aud": audience, "sub": "carol", "exp": time.Now().Add(time.Hour).Unix(), "agents": agents,
		}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

func TestJWT_ofTheIssuer_isAgentsAndNothingElseIs(t *testing.T) {
	t.Parallel()
	const audience = "https://gw.example.com/mcp"
	var sign func(audience, kid string, agents ...string) string
	rules := testkit.Rules{"a": {Allow: []string{"*"}}, "b": {Allow: []string{"*"}}}.JSONWith(map[string]any{"jwt": map[string]string{
		"issuer": "https://idp.example.com", "audience": audience, "jwks_file": "keys.json", "agent_claim": "agents",
	}})
	g := testkit.StartGateway(t, testkit.Options{
		Servers: testkit.Servers{"s": testkit.Fake(t)}.JSON(), Rules: rules,
		Args:   slices.Concat(quick, []string{"--public-url", "https://gw.example.com"}),
		Before: func(dir string) { sign = issuerOf(t, filepath.Join(dir, "keys.json")) },
	})
	carol := testkit.Agent{Caller: rawAs(t, g, sign(audience, "k1", "b"))}
	carol.Execute(t, "s", "echo", nil).Good(t)
	carol.As("b").Execute(t, "s", "echo", nil).Good(t)
	carol.As("a").Execute(t, "s", "echo", nil).Failed(t, "INVALID_AGENT_ID")
	testkit.Eventually(t, "the audit log has the subject", func() bool {
		return strings.Contains(testkit.ReadFile(t, g.AuditFile), `"credential":"jwt:carol"`)
	})
	for name, token := range map[string]string{
		"another audience": sign("https://other.example", "k1", "b"), "an unknown kid": sign(audience, "k2", "b"), "no token": "",
	} {
		status, challenge := post(t, &testkit.Raw{URL: g.BaseURL(t) + "/mcp", Token: token})
		if status != http.StatusUnauthorized || !strings.Contains(challenge, `resource_metadata="https://gw.example.com/.well-known/oauth-protected-resource/mcp"`) {
			t.Errorf("%s: status %d, challenge %s, want 401 and where the metadata are", name, status, challenge)
		}
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		if got := get(t.Context(), t, g.BaseURL(t)+path); got != http.StatusOK {
			t.Errorf("%s gives %d, want %d", path, got, http.StatusOK)
		}
	}
}

// slowLog takes lines only once it may.
type slowLog struct {
	writing, written chan struct{}
	begun            sync.Once
}

func newSlowLog() *slowLog {
	return &slowLog{writing: make(chan struct{}), written: make(chan struct{})}
}

func (l *slowLog) Write(text []byte) (int, error) {
	l.begun.Do(func() { close(l.writing) })
	<-l.written
	return len(text), nil
}

func (l *slowLog) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// keepsNobody checks that something else is done while something is being logged.
func (l *slowLog) keepsNobody(t *testing.T, logs, other func()) {
	t.Helper()
	logged, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(logged); logs() }()
	<-l.writing
	go func() { defer close(done); other() }()
	select {
	case <-done:
	case <-time.After(testkit.Patience):
		t.Error("something else waits for the log, want that it does not")
	}
	close(l.written)
	<-logged
}

func TestTLS_renewed_otherHandshakesDoNotWaitForTheLog(t *testing.T) {
	for name, change := range map[string]func(dir string){
		"a new pair":  func(dir string) { writeCertificate(t, dir) },
		"half a file": func(dir string) { testkit.WriteAtomic(t, filepath.Join(dir, "cert.pem"), "half") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, log := t.TempDir(), newSlowLog()
			writeCertificate(t, dir)
			c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), log: log.logger()}
			if err := c.read(); err != nil {
				t.Fatal(err)
			}
			change(dir)
			c.looked = time.Time{}
			log.keepsNobody(t, func() { _, _ = c.current(nil) }, func() { _, _ = c.current(nil) })
		})
	}
}
