package fleetstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/fleetstore"
	kit "gatehouse/testkit/fleet"
)

// authority signs certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	a.pem, a.cert = a.sign(a.cert, a.cert, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(c, parent *x509.Certificate, key *ecdsa.PrivateKey) ([]byte, *x509.Certificate) {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), signed
}

// issue returns the certificate and key of somebody at 127.0.0.1.
func (a *authority) issue() (cert, key []byte) {
	a.t.Helper()
	private := newKey(a.t)
	cert, _ = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "etcd"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.cert, private)
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

// client returns how somebody with a certificate of this authority talks to whom
// trusted has signed.
func (a *authority) client(trusted *authority) *tls.Config {
	a.t.Helper()
	cert, key := a.issue()
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		a.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted.pem)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// file writes a file of the test and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused opens a store, which must fail with a sentence that has these words.
func refused(t *testing.T, c fleetstore.Config, words ...string) {
	t.Helper()
	c.Fleet = "f"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := fleetstore.Open(ctx, c)
	if err == nil {
		s.Close()
		t.Fatalf("got no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want %q in it", err, w)
		}
	}
}

func TestOpen_urls(t *testing.T) {
	for _, c := range []struct{ url, word string }{
		{"", "write https://HOST:PORT"},
		{"etcd:2379", "write https://HOST:PORT"},
		{"ftp://etcd:2379", "write https://HOST:PORT"},
		{"https://etcd", "write https://HOST:PORT"},
		{"https://etcd:2379/v3", "and no more"},
		{"https://user:secret@etcd:2379", "use certificates"},
		{"http://etcd:2379", "is not encrypted"},
	} {
		_, err := fleetstore.Connect(fleetstore.Config{URLs: []string{c.url}, Fleet: "f"})
		if err == nil || !strings.Contains(err.Error(), c.word) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want an error with %q and no password", c.url, err, c.word)
		}
	}
	_, err := fleetstore.Connect(fleetstore.Config{URLs: []string{"http://127.0.0.1:1"}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	if err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("got %v for http with certificates, want that https is needed", err)
	}
	if _, err := fleetstore.Connect(fleetstore.Config{}); err == nil || !strings.Contains(err.Error(), "--fleet-store") {
		t.Errorf("got %v without a URL, want one that names --fleet-store", err)
	}
}

func TestOpen_nobodyThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := "http://" + l.Addr().String() // It takes connections and says nothing.
	refused(t, fleetstore.Config{URLs: []string{"http://127.0.0.1:1"}}, "cannot reach etcd at http://127.0.0.1:1", "refused", "check --fleet-store")
	refused(t, fleetstore.Config{URLs: []string{silent}}, "does not answer as etcd does")
}

func TestOpen_withTLS(t *testing.T) {
	t.Parallel()
	good, other := newAuthority(t), newAuthority(t)
	cert, key := good.issue()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{
		CA: file(t, "ca.pem", good.pem), Cert: file(t, "cert.pem", cert), Key: file(t, "key.pem", key), Client: good.client(good),
	})
	urls := etcd.URLs()
	s, err := fleetstore.Open(t.Context(), fleetstore.Config{URLs: urls, TLS: good.client(good), Fleet: "f", TTL: kit.TTL})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	refused(t, fleetstore.Config{URLs: urls, TLS: good.client(other)}, "not signed by --fleet-store-ca")
	refused(t, fleetstore.Config{URLs: urls, TLS: other.client(good)}, "does not take our certificate", "--fleet-store-cert")
	refused(t, fleetstore.Config{URLs: []string{"http" + strings.TrimPrefix(urls[0], "https")}}, "speaks TLS", "https://")
}

func TestOpen_plainBehindHTTPS_orTTLTooShort(t *testing.T) {
	t.Parallel()
	etcd := kit.StartEtcd(t, 1, kit.EtcdOptions{Election: 2 * time.Second})
	some := newAuthority(t)
	refused(t, fleetstore.Config{URLs: []string{"https" + strings.TrimPrefix(etcd.URLs()[0], "http")}, TLS: some.client(some)}, "does not speak TLS")
	refused(t, fleetstore.Config{URLs: etcd.URLs(), TTL: 5 * time.Second}, "--fleet-ttl 5s is too short", "--election-timeout")
}

func TestOpen_membersOfTwoClusters(t *testing.T) {
	t.Parallel()
	one, two := kit.StartEtcd(t, 1, kit.EtcdOptions{}), kit.StartEtcd(t, 1, kit.EtcdOptions{})
	refused(t, fleetstore.Config{URLs: append(one.URLs(), two.URLs()...)}, "another etcd")
}
