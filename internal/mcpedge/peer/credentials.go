package peer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/plural"
	"gatehouse/internal/safefile"
)

const (
	maxPEMBytes = 1 << 20
	// filesLook is how often the files are looked at, at most: with the handshakes.
	filesLook = time.Second
	// warnEvery is how often a certificate that ends soon is logged.
	warnEvery = 24 * time.Hour
)

// Credentials are what a gateway shows others, and knows them by: the files of
// --fleet-cert, --fleet-key and --fleet-ca. They are read again when they have changed.
// What cannot be used then is logged, and what was read before stays in use. Its
// methods may be called from any goroutine.
type Credentials struct {
	cert, key, ca string // paths
	fleet         string
	log           *slog.Logger

	mu        sync.Mutex
	files     [3][]byte
	pair      *tls.Certificate
	roots     *x509.CertPool
	looked    time.Time
	warned    time.Time
	complaint string // of the last look
}

// ReadCredentials reads the three files and checks that the certificate is one by which
// other gateways of the fleet will know this one. Its errors say what to change.
func ReadCredentials(cert, key, ca, fleet string, log *slog.Logger) (*Credentials, error) {
	c := &Credentials{cert: cert, key: key, ca: ca, fleet: fleet, log: log}
	now := time.Now()
	if err := c.read(now); err != nil { // Nobody else has it yet.
		return nil, err
	}
	var n news
	n.days, n.soon = c.endsSoon(now)
	c.say(n)
	return c, nil
}

// Ends is when the certificate does, by its files as they were last read.
func (c *Credentials) Ends() time.Time {
	c.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair.Leaf.NotAfter
}

// Server is the configuration of the listener for other gateways. It lets in nobody
// else.
func (c *Credentials) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"},
		// The certificate is checked below, by the authorities of the moment.
		ClientAuth:       tls.RequireAnyClientCert,
		GetCertificate:   func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.look(), nil },
		VerifyConnection: c.verify,
	}
}

// Client is the configuration of connections to other gateways.
func (c *Credentials) Client() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: c.fleet, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify:   true, //nolint:gosec // VerifyConnection checks more, by the authorities of the moment.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.look(), nil },
		VerifyConnection:     c.verify,
	}
}

// verify checks the other side of a connection, resumed ones too.
func (c *Credentials) verify(state tls.ConnectionState) error {
	c.look()
	c.mu.Lock()
	roots := c.roots
	c.mu.Unlock()
	if len(state.PeerCertificates) == 0 {
		return &refusedCertificate{errors.New("it showed no certificate")}
	}
	if err := checkLeaf(state.PeerCertificates[0], state.PeerCertificates[1:], roots, c.fleet, time.Now()); err != nil {
		return &refusedCertificate{err}
	}
	return nil
}

// look reads the files again if it is time to, and returns the certificate.
func (c *Credentials) look() *tls.Certificate {
	pair, n := c.readAgain()
	c.say(n) // A slow log keeps no other handshake waiting for the mutex.
	return pair
}

// news is what is to be logged of a look at the files.
type news struct {
	failed  error // nil if it was said before
	renewed bool
	soon    bool // the certificate ends in so many days
	days    int
}

func (c *Credentials) say(n news) {
	switch {
	case n.failed != nil:
		c.log.Warn("the fleet's certificate was not renewed, the one before stays in use", slog.Any("err", n.failed))
	case n.renewed:
		c.log.Info("the fleet's certificate was renewed", slog.String("file", c.cert))
	}
	if n.soon {
		c.log.Warn("the fleet's certificate ends soon: renew it, its files are read again by themselves",
			slog.String("left", plural.Of(n.days, "day")), slog.String("file", c.cert))
	}
}

// readAgain is look without its log.
func (c *Credentials) readAgain() (*tls.Certificate, news) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) < filesLook {
		return c.pair, news{}
	}
	before, complaint := c.pair, c.complaint
	err := c.read(now)
	c.complaint = ""
	if err != nil {
		c.complaint = err.Error()
	}
	if c.complaint == complaint {
		err = nil
	}
	n := news{failed: err, renewed: c.pair != before}
	n.days, n.soon = c.endsSoon(now)
	return c.pair, n
}

// endsSoon reports whether it is to be said, once in warnEvery, in how many days the
// certificate ends. The mutex is held.
func (c *Credentials) endsSoon(now time.Time) (days int, say bool) {
	days, soon := DaysLeft(c.pair.Leaf.NotAfter, now)
	if !soon || now.Sub(c.warned) < warnEvery {
		return days, false
	}
	c.warned = now
	return days, true
}

// read reads the files and, if they have changed, takes what they hold. The mutex is
// held.
func (c *Credentials) read(now time.Time) error {
	c.looked = now
	var files [3][]byte
	for i, f := range []struct{ flag, path string }{{"--fleet-cert", c.cert}, {"--fleet-key", c.key}, {"--fleet-ca", c.ca}} {
		text, err := safefile.Read(f.path, maxPEMBytes)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", f.flag, err)
		}
		files[i] = text
	}
	if c.pair != nil && bytes.Equal(files[0], c.files[0]) && bytes.Equal(files[1], c.files[1]) && bytes.Equal(files[2], c.files[2]) {
		return nil
	}
	pair, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return fmt.Errorf("cannot use --fleet-cert %s with --fleet-key %s: %w", c.cert, c.key, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(files[2]) {
		return fmt.Errorf("--fleet-ca %s has no certificate in PEM form", c.ca)
	}
	chain := make([]*x509.Certificate, 0, len(pair.Certificate))
	for _, der := range pair.Certificate[1:] {
		if between, err := x509.ParseCertificate(der); err == nil {
			chain = append(chain, between)
		}
	}
	if err := checkLeaf(pair.Leaf, chain, roots, c.fleet, now); err != nil {
		return fmt.Errorf("cannot use --fleet-cert %s: %w", c.cert, err)
	}
	c.files, c.pair, c.roots = files, &pair, roots
	return nil
}
