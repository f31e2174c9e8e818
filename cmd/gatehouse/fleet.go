package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	fleetactor "gatehouse/actors/fleet"
	"gatehouse/internal/bootclock"
	"gatehouse/internal/fleet"
	"gatehouse/internal/fleetstore"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/messages"
)

// fleetSide is what a gateway has that is one of a fleet.
type fleetSide struct {
	opts     fleetOptions
	log      *slog.Logger
	store    *fleetstore.Store
	sessions []byte            // the key of the fleet's sessions
	creds    *peer.Credentials // nil without certificates
	listener net.Listener
	node     fleet.Node
	state    string   // where it keeps its lease
	seat     *os.File // open while state is this process's
	standing *fleetactor.Standing
	pid      *actor.PID
	client   *peer.Client
	server   *http.Server
	peers    *peerWatch
	runs     ownedRuns
	leaving  atomic.Bool
	// heardPeers is what other gateways have said a moment ago.
	heardPeers askedOnce[[]fleet.Heard]
	failed     chan error // why it cannot be one of the fleet

	send func(to *actor.PID, m any)
	// guard has what runs by claims killed at a moment of the boot clock, unless it
	// is told a later one: this gateway may be frozen by then.
	guard func(until int64) error
	// once reports whether the fleet runs a server once, by what is in force here.
	once func(server string) bool
	// swept is closed once nothing is left of an earlier gateway here.
	swept <-chan struct{}

	mu     sync.Mutex
	config *actor.PID
	// What the config actor could not be told or asked yet.
	content   *messages.FleetChanged
	candidate *messages.CandidateQuery
}

// openPatience is how long a gateway waits at its start for the store of its fleet.
const openPatience = 15 * time.Second

// openFleet connects to the fleet's store and opens the port for other gateways. It
// returns nil for a gateway that is not one of a fleet. Nothing has been started when
// it returns.
func openFleet(opts runOptions, log *slog.Logger) (_ *fleetSide, err error) {
	o := opts.fleet
	if o.name == "" {
		return nil, nil //nolint:nilnil // It is not one of a fleet.
	}
	f := &fleetSide{opts: o, log: log, failed: make(chan error, 1)}
	if o.cert != "" {
		if f.creds, err = peer.ReadCredentials(o.cert, o.key, o.ca, o.name, log); err != nil {
			return nil, err
		}
	}
	if f.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.listen); err != nil {
		return nil, listenFailed("--fleet-listen", o.listen, err)
	}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	address := o.advertise
	if address == "" {
		address = f.listener.Addr().String()
	}
	f.state, f.seat = ownFleetState(fleetStatePath(o), log)
	f.node = fleet.Node{ID: o.node, Boot: newBoot(), Address: address, Version: version(), Format: fleet.Format, Since: time.Now().UTC()}
	if f.store, err = openFleetStore(o, opts.insecure); err != nil {
		return nil, err
	}
	if f.sessions, err = sessionKey(f.store); err != nil {
		return nil, err
	}
	f.standing = fleetactor.NewStanding(bootNow)
	return f, nil
}

// openFleetStore connects to the store of a fleet, and checks that it can be relied on.
func openFleetStore(o fleetOptions, insecure bool) (*fleetstore.Store, error) {
	config, err := o.storeTLS()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openPatience)
	defer cancel()
	return fleetstore.Open(ctx, fleetstore.Config{URLs: o.store, TLS: config, Fleet: o.name, TTL: o.ttl, Insecure: insecure})
}

// storeTLS is how etcd is reached; nil without encryption.
func (o fleetOptions) storeTLS() (*tls.Config, error) {
	if o.storeCA == "" && o.storeCert == "" {
		return nil, nil //nolint:nilnil // Open says where that is not allowed.
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.storeCA != "" {
		text, err := os.ReadFile(o.storeCA)
		if err != nil {
			return nil, fmt.Errorf("--fleet-store-ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--fleet-store-ca: %s has no certificate (PEM)", o.storeCA)
		}
	}
	if o.storeCert == "" {
		return config, nil
	}
	read := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(o.storeCert, o.storeKey)
		if err != nil {
			return nil, fmt.Errorf("--fleet-store-cert, --fleet-store-key: %w", err)
		}
		return &pair, nil
	}
	if _, err := read(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	return config, nil
}

// bootNow is the clock of tenures. Where there is none, there are no fleets.
func bootNow() fleet.Instant {
	now, _ := bootclock.Now()
	return fleet.Instant(now)
}

// id is which gateway of its fleet this is; "" for one that is not one of a fleet.
func (f *fleetSide) id() string {
	if f == nil {
		return ""
	}
	return f.node.ID
}

// close ends what was opened. A nil fleetSide has nothing.
func (f *fleetSide) close() {
	if f == nil {
		return
	}
	if f.listener != nil {
		_ = f.listener.Close() // It is of no use any more.
	}
	if f.store != nil {
		f.store.Close()
	}
	if f.seat != nil {
		_ = f.seat.Close() // Nothing was written to it.
	}
}

// props makes the fleet's actor.
func (f *fleetSide) props() *actor.Props {
	left := readFleetState(f.state)
	return fleetactor.Props(fleetactor.Config{
		Store: f.store, Node: f.node, TTL: f.opts.ttl, Previous: left.Lease, Standing: f.standing, Log: f.log,
		Joined: func(l fleet.Lease) {
			if err := writeFleetState(f.state, fleetState{Boot: f.node.Boot, Lease: l}); err != nil {
				f.log.Warn("cannot keep the lease: after a restart this gateway waits for its end", slog.Any("err", err))
			}
		},
		Guard:   func(until fleet.Instant) error { return f.guard(int64(until)) },
		Swept:   f.swept,
		Wake:    func(ctx context.Context, address, key string) error { return f.client.Wake(ctx, address, key) },
		Running: f.running, Runs: f.runs.running, Once: f.runsOnce, Content: f.heard, Candidate: f.asked,
		Unfit: f.fail,
		Taken: func(error) {
			f.fail(fmt.Errorf("another gateway of the fleet %q is called %q: give each its own --fleet-node", f.opts.name, f.node.ID))
		},
	})
}

// fail has the gateway end, as it cannot be one of the fleet. It never blocks: the first
// reason is enough.
func (f *fleetSide) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// runsOnce are the keys of servers that the fleet runs once of which anything runs here.
func (f *fleetSide) runsOnce() []string {
	return slices.DeleteFunc(f.runs.keys(), func(key string) bool {
		server, _ := fleet.SplitKey(key)
		return !f.once(server)
	})
}

// running asks another gateway whether anything of a server still runs there.
func (f *fleetSide) running(ctx context.Context, address, key string) (bool, error) {
	return f.client.Running(ctx, address, key)
}

// heard hands on what the fleet has agreed on.
func (f *fleetSide) heard(m messages.FleetChanged) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.content = &m
	f.handOn()
}

// asked hands on that it is to be found out whether another configuration could be followed.
func (f *fleetSide) asked(m messages.CandidateQuery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.candidate = &m
	f.handOn()
}

// begin has the config actor hear of it from now on.
func (f *fleetSide) begin(config *actor.PID) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config = config
	f.handOn()
}

// handOn is called with the mutex held.
func (f *fleetSide) handOn() {
	if f.config == nil {
		return
	}
	if f.content != nil {
		f.send(f.config, *f.content)
		f.content = nil
	}
	if f.candidate != nil {
		f.send(f.config, *f.candidate)
		f.candidate = nil
	}
}
