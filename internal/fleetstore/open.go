package fleetstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"gatehouse/internal/fleet"
)

// Config says where the store is.
type Config struct {
	// URLs are those of etcd's members: https://HOST:PORT each, or http:// on this machine.
	URLs []string
	// TLS is nil with http. It is asked for anew by each handshake if it has functions.
	TLS *tls.Config
	// Fleet is the fleet's name; all keys are below /gatehouse/FLEET/.
	Fleet string
	// TTL is how long leases shall last without a renewal.
	TTL time.Duration
	// Insecure allows http to other machines.
	Insecure bool
}

// Store implements fleet.Store.
type Store struct {
	config  Config
	prefix  string
	members []*member
	current atomic.Int64 // the index of the member that is asked first
	check   check
}

var _ fleet.Store = (*Store)(nil)

// member is one member of etcd, with a connection of its own.
type member struct {
	url    string
	client *clientv3.Client
}

// Open connects to etcd and checks that it can be relied on. It blocks until that is
// clear or ctx ends. Errors are for people: each says what to do.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := Connect(c)
	if err != nil {
		return nil, err
	}
	err = s.verify(ctx)
	if err == nil {
		err = s.checkFormat(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Connect is Open without the checks. It does not block.
func Connect(c Config) (*Store, error) {
	if len(c.URLs) == 0 {
		return nil, errors.New("no member of etcd is named: --fleet-store needs at least one URL")
	}
	s := &Store{config: c, prefix: "/gatehouse/" + c.Fleet + "/"}
	for _, u := range c.URLs {
		if err := checkURL(u, c); err != nil {
			s.Close()
			return nil, err
		}
		client, err := clientv3.New(clientv3.Config{
			Endpoints: []string{u}, TLS: c.TLS, Logger: zap.NewNop(), MaxUnaryRetries: 1,
			DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
			// With the library's own numbers a node would be blind for long after a partition.
			DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
				MinConnectTimeout: 2 * time.Second,
			})},
		})
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("cannot connect to etcd at %s: %w", u, err)
		}
		s.members = append(s.members, &member{url: u, client: client})
	}
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() {
	var all sync.WaitGroup
	for _, m := range s.members {
		all.Go(func() { _ = m.client.Close() })
	}
	all.Wait()
}

// checkURL returns what is wrong with the URL of a member.
func checkURL(raw string, c Config) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("%q is not the URL of a member of etcd: write https://HOST:PORT", redacted(raw))
	case u.User != nil:
		return fmt.Errorf("the URL of etcd at %s has a user: users and passwords of etcd are not supported, use certificates (--fleet-store-cert)", u.Host)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Port() == "":
		return fmt.Errorf("%q is not the URL of a member of etcd: write https://HOST:PORT and no more", raw)
	case u.Scheme == "http" && c.TLS != nil:
		return fmt.Errorf("%s is not encrypted, but --fleet-store-ca, -cert or -key is given: write https://", raw)
	case u.Scheme == "http" && !loopback(u.Hostname()) && !c.Insecure:
		return fmt.Errorf("%s is not encrypted: who writes to etcd runs commands on every replica. Use https:// with --fleet-store-ca, -cert and -key", raw)
	}
	return nil
}

// redacted returns a URL without what it may have as a password.
func redacted(raw string) string {
	if _, after, found := strings.Cut(raw, "@"); found {
		return "...@" + after
	}
	return raw
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
