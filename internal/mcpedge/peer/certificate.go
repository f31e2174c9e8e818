package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// checkLeaf says what keeps a certificate from being one of a fleet's gateways, for
// people; nil if nothing does. roots are the fleet's certificate authorities. A gateway
// is asked by others and asks them, so both usages must be there.
func checkLeaf(leaf *x509.Certificate, chain []*x509.Certificate, roots *x509.CertPool, name string, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired on %s", leaf.NotAfter.UTC().Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is not valid before %s: is the clock right?", leaf.NotBefore.UTC().Format(time.DateTime))
	case !slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, name) }):
		return fmt.Errorf("the certificate lacks the fleet's name, %q, among its DNS names: %s", name, shownNames(leaf))
	}
	for _, need := range []struct {
		usage x509.ExtKeyUsage
		name  string
	}{{x509.ExtKeyUsageServerAuth, "serverAuth"}, {x509.ExtKeyUsageClientAuth, "clientAuth"}} {
		if !slices.Contains(leaf.ExtKeyUsage, need.usage) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
			return fmt.Errorf("the certificate lacks the extended key usage %s: gateways need serverAuth and clientAuth", need.name)
		}
	}
	between := x509.NewCertPool()
	for _, c := range chain {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	switch {
	case err == nil:
		return nil
	case isUnknownAuthority(err):
		return errors.New("the certificate is not signed by the fleet's certificate authority")
	default:
		return fmt.Errorf("the certificate is not valid: %w", err)
	}
}

func isUnknownAuthority(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}

func shownNames(leaf *x509.Certificate) string {
	if len(leaf.DNSNames) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(leaf.DNSNames[:min(len(leaf.DNSNames), 5)], ", ")
}

// refusedCertificate is why the certificate of the other side of a connection was
// refused.
type refusedCertificate struct{ why error }

func (e *refusedCertificate) Error() string { return e.why.Error() }

// certificateTrouble returns what is wrong with a connection's certificates; nil if it
// is something else.
func certificateTrouble(err error) error {
	if refused, ok := errors.AsType[*refusedCertificate](err); ok {
		return fmt.Errorf("it is not a gateway of this fleet: %w", refused.why)
	}
	if alert, ok := errors.AsType[*net.OpError](err); ok && alert.Op == "remote error" {
		return fmt.Errorf("it refused the connection (%w): compare --fleet-ca and --fleet of both", alert.Err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("it does not speak TLS: is that the port of --fleet-listen?")
	}
	return nil
}

// warnDays is how many days before its end a certificate is worth a warning.
const warnDays = 14

// DaysLeft is how many whole days a certificate is still good for, and whether that is
// worth a warning.
func DaysLeft(end, now time.Time) (days int, warn bool) {
	days = max(int(end.Sub(now)/(24*time.Hour)), 0)
	return days, days <= warnDays
}
