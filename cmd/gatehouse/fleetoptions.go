package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gatehouse/internal/mcpedge/peer"
)

// fleetOptions are the flags of a gateway that is one of a fleet.
type fleetOptions struct {
	name                         string // empty: it is not
	store                        []string
	storeCA, storeCert, storeKey string
	listen, advertise            string
	cert, key, ca                string
	node                         string
	root                         string
	ttl, maxStale, shutdownDelay time.Duration
	given                        []string // flags that mean something in a fleet alone
}

const (
	fleetVariable = "GATEWAY_FLEET"
	storeVariable = "GATEWAY_FLEET_STORE"
	// minTTL and maxTTL bound --fleet-ttl.
	minTTL = 2 * time.Second
	maxTTL = time.Minute
)

// fleetFlags mean something in a fleet alone.
var fleetFlags = []string{
	"fleet-store", "fleet-store-ca", "fleet-store-cert", "fleet-store-key", "fleet-listen", "fleet-advertise", "fleet-cert",
	"fleet-key", "fleet-ca", "fleet-node", "fleet-ttl", "fleet-max-stale", "fleet-root", "shutdown-delay",
}

// registerStore adds the flags by which the store of a fleet is found.
func (o *fleetOptions) registerStore(f *pflag.FlagSet) {
	f.StringVar(&o.name, "fleet", env(fleetVariable, ""), "be one of the gateways of this name, which share a configuration and run each server once [GATEWAY_FLEET]")
	f.StringSliceVar(&o.store, "fleet-store", envList(storeVariable), "the members of etcd, https://HOST:PORT each [GATEWAY_FLEET_STORE]")
	f.StringVar(&o.storeCA, "fleet-store-ca", env("GATEWAY_FLEET_STORE_CA", ""), "the authority (PEM) of etcd's certificates [GATEWAY_FLEET_STORE_CA]")
	f.StringVar(&o.storeCert, "fleet-store-cert", env("GATEWAY_FLEET_STORE_CERT", ""), "the certificate (PEM) to show to etcd [GATEWAY_FLEET_STORE_CERT]")
	f.StringVar(&o.storeKey, "fleet-store-key", env("GATEWAY_FLEET_STORE_KEY", ""), "its private key (PEM) [GATEWAY_FLEET_STORE_KEY]")
}

// registerPeers adds the flags by which a gateway shows others of its fleet who it is.
func (o *fleetOptions) registerPeers(f *pflag.FlagSet) {
	f.StringVar(&o.cert, "fleet-cert", env("GATEWAY_FLEET_CERT", ""), "the certificate (PEM) to show to other gateways, with the fleet's name as a DNS name; read again when it changes [GATEWAY_FLEET_CERT]")
	f.StringVar(&o.key, "fleet-key", env("GATEWAY_FLEET_KEY", ""), "its private key (PEM) [GATEWAY_FLEET_KEY]")
	f.StringVar(&o.ca, "fleet-ca", env("GATEWAY_FLEET_CA", ""), "the authority (PEM) of the gateways' certificates, and of nobody else's [GATEWAY_FLEET_CA]")
}

func (o *fleetOptions) register(f *pflag.FlagSet) {
	o.registerStore(f)
	f.StringVar(&o.listen, "fleet-listen", env("GATEWAY_FLEET_LISTEN", ""), "where other gateways of the fleet reach this one, HOST:PORT; never the agents' address [GATEWAY_FLEET_LISTEN]")
	f.StringVar(&o.advertise, "fleet-advertise", env("GATEWAY_FLEET_ADVERTISE", ""), "the address to tell the other gateways, HOST:PORT (default: that of --fleet-listen) [GATEWAY_FLEET_ADVERTISE]")
	o.registerPeers(f)
	f.StringVar(&o.node, "fleet-node", env("GATEWAY_FLEET_NODE", ""), "the id of this gateway in the fleet (default: the host name) [GATEWAY_FLEET_NODE]")
	f.DurationVar(&o.ttl, "fleet-ttl", 6*time.Second, "after how long without a sign of life other gateways take over a gateway's servers, in whole seconds")
	f.DurationVar(&o.maxStale, "fleet-max-stale", 5*time.Minute, "how long a gateway that cannot reach the store goes on deciding by what it has")
	f.StringVar(&o.root, "fleet-root", "", "the folder to which relative paths in the servers file refer; without it they are errors")
	f.DurationVar(&o.shutdownDelay, "shutdown-delay", 5*time.Second, "in a fleet: how long to go on serving after a signal, with /readyz 503 so that balancers notice, before --shutdown-timeout begins")
}

// note notes which flags were given that mean nothing without --fleet.
func (o *fleetOptions) note(f *pflag.FlagSet) {
	for _, name := range fleetFlags {
		if f.Changed(name) {
			o.given = append(o.given, "--"+name)
		}
	}
}

// envList is a list in an environment variable.
func envList(name string) []string {
	if text := os.Getenv(name); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

var (
	fleetName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	nodeID    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)
)

// checkFleet finds what is wrong with the flags of fleets, and fills in what they leave out.
func (o *runOptions) checkFleet() []error {
	f := &o.fleet
	if f.name == "" {
		if len(f.given) > 0 {
			return []error{fmt.Errorf("%s needs --fleet: the name of the fleet", strings.Join(f.given, ", "))}
		}
		return nil
	}
	errs := []error{f.checkName()}
	if runtime.GOOS != "linux" {
		errs = append(errs, fmt.Errorf("--fleet works on Linux only: on %s nothing ends the servers of a gateway that has died", runtime.GOOS))
	}
	if o.transport != "http" {
		errs = append(errs, errors.New("--fleet needs HTTP: give --http, without --transport"))
	}
	errs = append(errs, o.ownFiles(), f.checkNode(), f.checkTimes(), f.checkCredentials(o.insecure))
	return append(errs, f.checkAddresses()...)
}

func (o *fleetOptions) checkName() error {
	switch {
	case !fleetName.MatchString(o.name):
		return fmt.Errorf("--fleet is %q: a fleet's name has small letters, digits and - in between, 63 at most", o.name)
	case len(o.store) == 0:
		return fmt.Errorf("--fleet needs --fleet-store (%s): the members of etcd, https://HOST:PORT each", storeVariable)
	case (o.storeCert == "") != (o.storeKey == ""):
		return errors.New("--fleet-store-cert and --fleet-store-key go together: give both")
	}
	return nil
}

// ownFiles refuses files of this machine: those of a fleet are in its store.
func (o *runOptions) ownFiles() error {
	var named []string
	for _, source := range [][2]string{
		{"--mcp-config", o.mcpConfig},
		{"--rules", o.rules},
		{serversVariable, os.Getenv(serversVariable)},
		{rulesVariable, os.Getenv(rulesVariable)},
	} {
		if source[1] != "" {
			named = append(named, source[0])
		}
	}
	if len(named) == 0 {
		return nil
	}
	return fmt.Errorf("%s beside --fleet: a fleet has both files in its store; put them there with \"gatehouse apply --fleet %s\" and leave this out",
		strings.Join(named, ", "), o.fleet.name)
}

func (o *fleetOptions) checkNode() error {
	if o.node == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("cannot find out the host name: %w; name this gateway with --fleet-node", err)
		}
		o.node = strings.ToLower(host)
	}
	if !nodeID.MatchString(o.node) {
		return fmt.Errorf("--fleet-node is %q: it has small letters, digits, . and -, 63 at most, and begins with a letter or digit", o.node)
	}
	return nil
}

func (o *fleetOptions) checkTimes() error {
	switch {
	case o.ttl < minTTL || o.ttl > maxTTL || o.ttl%time.Second != 0:
		return fmt.Errorf("--fleet-ttl is %s: use whole seconds from %s to %s", o.ttl, minTTL, maxTTL)
	case o.maxStale < o.ttl:
		return fmt.Errorf("--fleet-max-stale is %s: use at least --fleet-ttl (%s)", o.maxStale, o.ttl)
	case o.shutdownDelay < 0:
		return fmt.Errorf("--shutdown-delay is %s: use 0s or more", o.shutdownDelay)
	}
	return nil
}

func (o *fleetOptions) checkAddresses() []error {
	var errs []error
	if o.listen == "" {
		errs = append(errs, errors.New("--fleet needs --fleet-listen: where other gateways of the fleet reach this one, HOST:PORT"))
	} else if _, _, err := net.SplitHostPort(o.listen); err != nil {
		errs = append(errs, fmt.Errorf("--fleet-listen is %q: write HOST:PORT", o.listen))
	}
	host, port, err := net.SplitHostPort(cmp.Or(o.advertise, o.listen))
	switch {
	case o.advertise != "" && (err != nil || host == "" || port == "0"):
		errs = append(errs, fmt.Errorf("--fleet-advertise is %q: write the HOST:PORT that others reach", o.advertise))
	case o.advertise == "" && err == nil && (host == "" || net.ParseIP(host).IsUnspecified()):
		errs = append(errs, fmt.Errorf("--fleet-listen %s does not say under which address others reach this gateway: give --fleet-advertise HOST:PORT", o.listen))
	}
	return errs
}

func (o *fleetOptions) checkCredentials(insecure bool) error {
	given := 0
	for _, path := range []string{o.cert, o.key, o.ca} {
		if path != "" {
			given++
		}
	}
	switch {
	case given == 3:
		return nil
	case given > 0:
		return errors.New("--fleet-cert, --fleet-key and --fleet-ca belong together: give all three")
	case insecure && peer.IsLoopback(o.listen):
		return nil
	default:
		return errors.New("--fleet needs --fleet-cert, --fleet-key and --fleet-ca: without certificates anybody could be a gateway of the fleet (--insecure allows that on loopback)")
	}
}
