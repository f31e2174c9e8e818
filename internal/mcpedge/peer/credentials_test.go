package peer_test

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/mcpedge/peer"
	"gatehouse/testkit"
	fleetkit "gatehouse/testkit/fleet"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestReadCredentials_saysWhatIsWrong(t *testing.T) {
	ours, other := fleetkit.NewAuthority(t), fleetkit.NewAuthority(t)
	good := fleetkit.Certificate{Names: []string{"prod"}}
	for name, c := range map[string]struct {
		by   *fleetkit.Authority
		cert fleetkit.Certificate
		want string // "" is no error
	}{
		"good":          {ours, good, ""},
		"among others":  {ours, fleetkit.Certificate{Names: []string{"n1.example", "PROD"}}, ""},
		"expired":       {ours, fleetkit.Certificate{Names: good.Names, Left: -time.Hour}, "the certificate expired on "},
		"not yet valid": {ours, fleetkit.Certificate{Names: good.Names, Begins: time.Hour}, "the certificate is not valid before "},
		"other CA":      {other, good, "the certificate is not signed by the fleet's certificate authority"},
		"no name":       {ours, fleetkit.Certificate{}, `the certificate lacks the fleet's name, "prod", among its DNS names: it has none`},
		"other name":    {ours, fleetkit.Certificate{Names: []string{"test"}}, `lacks the fleet's name, "prod", among its DNS names: it has test`},
		"server only":   {ours, fleetkit.Certificate{Names: good.Names, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, "lacks the extended key usage clientAuth"},
		"client only":   {ours, fleetkit.Certificate{Names: good.Names, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, "lacks the extended key usage serverAuth"},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.by.Issue(t, c.cert)
			_, err := peer.ReadCredentials(f.Cert, f.Key, ours.File(t), "prod", discard())
			if (c.want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--fleet-cert")) {
				t.Errorf("got %v, want %q and --fleet-cert named", err, c.want)
			}
		})
	}
	f := ours.Issue(t, good)
	for name, paths := range map[string][3]string{
		"--fleet-cert": {filepath.Join(t.TempDir(), "none"), f.Key, ours.File(t)},
		"--fleet-key":  {f.Cert, filepath.Join(t.TempDir(), "none"), ours.File(t)},
		"--fleet-ca":   {f.Cert, f.Key, f.Key},
	} {
		if _, err := peer.ReadCredentials(paths[0], paths[1], paths[2], "prod", discard()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s named", err, name)
		}
	}
}

// secured starts a listener for gateways and asks it with other credentials.
func secured(t *testing.T, of, with *peer.Credentials) error {
	t.Helper()
	o := newOwner(t, testkit.Says(`{}`))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := peer.NewServer(o.config()).HTTP()
	server.TLSConfig = of.Server()
	go func() { _ = server.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	client := peer.NewClient(peer.ClientConfig{TLS: with.Client()})
	t.Cleanup(client.Close)
	testkit.Eventually(t, "an answer or a refusal", func() bool { // Neither is that a busy machine is slower than a client waits.
		_, err = client.Tenure(t.Context(), l.Addr().String())
		return err == nil || !strings.Contains(err.Error(), "timed out") && !strings.Contains(err.Error(), "in time")
	})
	return err
}

func read(t *testing.T, a, trusts *fleetkit.Authority, c fleetkit.Certificate, fleet string) *peer.Credentials {
	t.Helper()
	f := a.Issue(t, c)
	both := filepath.Join(t.TempDir(), "ca.pem")
	text := append(a.PEM(), trusts.PEM()...)
	if err := os.WriteFile(both, text, 0o600); err != nil {
		t.Fatal(err)
	}
	creds, err := peer.ReadCredentials(f.Cert, f.Key, both, fleet, discard())
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func TestCredentials_onlyGatewaysOfTheFleetSpeakToEachOther(t *testing.T) {
	ours, other := fleetkit.NewAuthority(t), fleetkit.NewAuthority(t)
	prod, test := fleetkit.Certificate{Names: []string{"prod"}}, fleetkit.Certificate{Names: []string{"test"}}
	us := read(t, ours, ours, prod, "prod")
	if err := secured(t, us, read(t, ours, ours, prod, "prod")); err != nil {
		t.Errorf("two of one fleet: %v", err)
	}
	for name, c := range map[string]struct {
		of, with *peer.Credentials
		want     string
	}{
		"the server is of another fleet": {read(t, ours, ours, test, "test"), us, "it is not a gateway of this fleet: the certificate lacks the fleet's name"},
		"the client is of another fleet": {us, read(t, ours, ours, test, "test"), "it is not a gateway of this fleet"},
		"the client is of another CA":    {us, read(t, other, ours, prod, "prod"), "it refused the connection"},
		"the server is of another CA":    {read(t, other, ours, prod, "prod"), us, "it is not a gateway of this fleet: the certificate is not signed by"},
	} {
		err := secured(t, c.of, c.with)
		if unreached, ok := errors.AsType[*peer.Unreached](err); !ok || !strings.Contains(unreached.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestCredentials_areReadAgainWhenTheFilesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := fleetkit.NewAuthority(t)
		f := ca.Issue(t, fleetkit.Certificate{Names: []string{"prod"}, Left: 48 * time.Hour})
		logs := &testkit.Logs{}
		creds, err := peer.ReadCredentials(f.Cert, f.Key, ca.File(t), "prod", slog.New(logs.Handler()))
		if err != nil {
			t.Fatal(err)
		}
		left := func() int {
			time.Sleep(2 * time.Second)
			days, _ := peer.DaysLeft(creds.Ends(), time.Now())
			return days
		}
		if got := left(); got != 1 {
			t.Errorf("got %d days left, want 1", got)
		}
		ca.IssueTo(t, f, fleetkit.Certificate{Names: []string{"prod"}, Left: 90 * 24 * time.Hour})
		if got := left(); got != 89 {
			t.Errorf("renewed: got %d days left, want 89", got)
		}
		if err := os.WriteFile(f.Cert, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := left(); got != 89 {
			t.Errorf("half written: got %d days left, want that the one before stays in use", got)
		}
		left()
		for text, want := range map[string]int{
			"the fleet's certificate ends soon: renew it, its files are read again by themselves": 1,
			"the fleet's certificate was renewed":                                                 1,
			"the fleet's certificate was not renewed, the one before stays in use":                1,
		} {
			if got := len(logs.With(text)); got != want {
				t.Errorf("got %d lines %q, want %d", got, text, want)
			}
		}
	})
}

// Each handshake looks at the files.
func TestCredentials_renewed_othersDoNotWaitForTheLog(t *testing.T) {
	for name, then := range map[string]fleetkit.Certificate{
		"the files are renewed": {Names: []string{"prod"}, Left: 91 * 24 * time.Hour},
		"they end soon":         {Names: []string{"prod"}, Left: 48 * time.Hour},
		"they cannot be used":   {Names: []string{"test"}},
	} {
		t.Run(name, func(t *testing.T) {
			ca := fleetkit.NewAuthority(t)
			f := ca.Issue(t, fleetkit.Certificate{Names: []string{"prod"}, Left: 90 * 24 * time.Hour})
			log := &slowLog{writing: make(chan struct{}), written: make(chan struct{})}
			creds, err := peer.ReadCredentials(f.Cert, f.Key, ca.File(t), "prod", slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ca.IssueTo(t, f, then)
			creds.LookNow()
			looked, other := make(chan struct{}), make(chan struct{})
			go func() { defer close(looked); creds.Ends() }()
			<-log.writing
			go func() { defer close(other); creds.Ends() }()
			select {
			case <-other:
			case <-time.After(testkit.Patience):
				t.Error("another look waits for the log, want that it does not")
			}
			close(log.written)
			<-looked
		})
	}
}

func TestDaysLeft_warnsFrom14DaysOn(t *testing.T) {
	now := time.Now()
	for hours, want := range map[int]struct {
		days int
		warn bool
	}{-5: {0, true}, 25: {1, true}, 14*24 + 1: {14, true}, 15*24 + 1: {15, false}} {
		if days, warn := peer.DaysLeft(now.Add(time.Duration(hours)*time.Hour), now); days != want.days || warn != want.warn {
			t.Errorf("%d hours: got %d and %v, want %+v", hours, days, warn, want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "n1:1": false, "x": false} {
		if got := peer.IsLoopback(address); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}
