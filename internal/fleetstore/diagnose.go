package fleetstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// diagnose returns why a member cannot be reached, better than etcd's client says it,
// which may only know that time is over.
func (s *Store) diagnose(ctx context.Context, member string, failure error) error {
	u, err := url.Parse(member)
	if err != nil {
		return failure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin) // Its own time is over by now.
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("%w: check --fleet-store, and that etcd runs there", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(answerWithin))
	if u.Scheme == "http" {
		return diagnosePlain(ctx, conn, failure)
	}
	return s.diagnoseTLS(ctx, conn, u.Hostname(), failure)
}

// diagnosePlain finds out whether a server of TLS listens.
func diagnosePlain(ctx context.Context, conn net.Conn, failure error) error {
	probe := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // Nothing is sent: it only looks whether TLS is spoken.
	if err := probe.HandshakeContext(ctx); err == nil || isAlert(err) {
		return errors.New("it speaks TLS: write https:// and give --fleet-store-ca, -cert and -key")
	}
	return fmt.Errorf("it takes connections and does not answer as etcd does: %w", failure)
}

func (s *Store) diagnoseTLS(ctx context.Context, conn net.Conn, host string, failure error) error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.config.TLS != nil {
		config = s.config.TLS.Clone()
	}
	config.ServerName = host
	secure := tls.Client(conn, config)
	err := secure.HandshakeContext(ctx)
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("its certificate is not signed by --fleet-store-ca: %w", err)
	case errors.As(err, &name):
		return fmt.Errorf("its certificate is for other names: %w", err)
	case errors.As(err, &header), errors.Is(err, io.EOF): // etcd without TLS just closes.
		return errors.New("it does not speak TLS: let etcd have certificates, or write http:// if it is on this machine")
	case err != nil && isAlert(err):
		return fmt.Errorf("it does not take our certificate (--fleet-store-cert): %w", err)
	case err != nil:
		return fmt.Errorf("no TLS connection: %w", err)
	}
	// With TLS 1.3 a server refuses our certificate after the handshake.
	if _, err := secure.Read(make([]byte, 1)); err != nil && isAlert(err) {
		return fmt.Errorf("it does not take our certificate (--fleet-store-cert): %w", err)
	}
	return fmt.Errorf("it takes connections and does not answer as etcd does: %w", failure)
}

// isAlert reports whether the other side has refused our part of a handshake.
func isAlert(err error) bool { return strings.Contains(err.Error(), "remote error: tls:") }
