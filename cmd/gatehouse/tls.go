package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"gatehouse/internal/safefile"
)

const (
	maxPEMBytes = 1 << 20
	// certificateLook is how often the certificate's files are looked at, at
	// most: with the handshakes.
	certificateLook = time.Second
)

// secured wraps a listener with TLS if there is a certificate.
func secured(opts runOptions, l net.Listener, log *slog.Logger) (net.Listener, error) {
	if opts.tlsCert == "" {
		return l, nil
	}
	c := &certificate{certFile: opts.tlsCert, keyFile: opts.tlsKey, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // What the front's streams are made for and tested with.
		GetCertificate: c.current,
	}), nil
}

// certificate is the one of the HTTP front. It follows its files: a renewed
// one is used from the next handshake on, a broken or half-written one is not.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu        sync.Mutex
	cert, key []byte // of pair
	pair      *tls.Certificate
	looked    time.Time
	complaint string // of the last look
}

func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	pair, renewed, err := c.look()
	switch { // A slow log keeps no other handshake waiting for the mutex.
	case err != nil:
		c.log.Warn("certificate not renewed, the one before stays in use", slog.Any("err", err))
	case renewed:
		c.log.Info("certificate renewed", slog.String("file", c.certFile))
	}
	return pair, nil
}

// look reads the files again if it is time to. It returns the pair to use, and what is
// to be logged: that the pair is another one than before, or an error that is news.
func (c *certificate) look() (pair *tls.Certificate, renewed bool, news error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < certificateLook {
		return c.pair, false, nil
	}
	before, complaint := c.pair, c.complaint
	err := c.readLocked()
	c.complaint = ""
	if err != nil {
		c.complaint = err.Error()
	}
	if c.complaint == complaint {
		err = nil
	}
	return c.pair, c.pair != before, err
}

func (c *certificate) read() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readLocked()
}

// readLocked reads the files and, if they have changed, makes a pair of them.
func (c *certificate) readLocked() error {
	c.looked = time.Now()
	cert, err := safefile.Read(c.certFile, maxPEMBytes)
	if err != nil {
		return fmt.Errorf("--tls-cert: %w", err)
	}
	key, err := safefile.Read(c.keyFile, maxPEMBytes)
	if err != nil {
		return fmt.Errorf("--tls-key: %w", err)
	}
	if c.pair != nil && bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("cannot use --tls-cert %s with --tls-key %s: %w", c.certFile, c.keyFile, err)
	}
	c.cert, c.key, c.pair = cert, key, &pair
	return nil
}
