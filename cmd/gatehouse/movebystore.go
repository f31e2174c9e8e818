package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
)

const (
	// storeMoveTime is for how long a server is waited for that moves, where nothing is
	// known of its time-outs.
	storeMoveTime = 2 * time.Minute
	// unclaimedFor is how long nobody claims a server that starts with its next call.
	unclaimedFor = 5 * time.Second
)

// mover moves a server without a gateway that runs here: it reads in the store who runs
// it, and asks those as a gateway would.
type mover struct {
	store fleet.Store
	ask   func(ctx context.Context, address string, m peer.Move) error
	now   func() time.Time
}

// moveByStore moves a server of the fleet of a store.
func moveByStore(ctx context.Context, o *storeOptions, server, node string) (admin.Moved, error) {
	store, err := o.open(ctx)
	if err != nil {
		return admin.Moved{}, err
	}
	defer store.Close()
	cfg := peer.ClientConfig{}
	if o.fleet.cert != "" {
		creds, err := peer.ReadCredentials(o.fleet.cert, o.fleet.key, o.fleet.ca, o.fleet.name, slog.New(slog.DiscardHandler))
		if err != nil {
			return admin.Moved{}, err
		}
		cfg.TLS = creds.Client()
	}
	client := peer.NewClient(cfg)
	defer client.Close()
	m := &mover{store: store, now: time.Now, ask: func(ctx context.Context, address string, m peer.Move) error {
		if cfg.TLS == nil && !peer.IsLoopback(address) {
			return fmt.Errorf("the gateway at %s takes this from other gateways alone: give a certificate of the fleet with --fleet-cert, --fleet-key and --fleet-ca, or ask a gateway where it runs", address)
		}
		return client.Move(ctx, address, m)
	}}
	return m.move(ctx, server, node)
}

// move asks all that run the server, or an instance of it, and watches what becomes of it.
func (m *mover) move(ctx context.Context, server, node string) (moved admin.Moved, err error) {
	v, err := firstView(ctx, m.store)
	if err != nil {
		return moved, err
	}
	leaves, err := planMove(v, server, node)
	if err != nil {
		return moved, err
	}
	for _, l := range leaves {
		if err := m.ask(ctx, l.owner.Address, peer.Move{Server: server, Node: l.to}); err != nil {
			return moved, fmt.Errorf("%s does not move it: %w", l.owner.Node, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, storeMoveTime, fmt.Errorf("%q is still moving: look at \"gatehouse fleet\"", server))
	defer cancel()
	return m.await(ctx, server, leaves)
}

// await blocks until all that leaves runs elsewhere, or will not by itself.
func (m *mover) await(ctx context.Context, server string, leaves []leaving) (moved admin.Moved, err error) {
	free := map[string]time.Time{} // since when nobody has it, by key
	idle := func(key string) bool {
		_, agent := fleet.SplitKey(key)
		since, known := free[key]
		if !known {
			free[key] = m.now()
			return agent != ""
		}
		return agent != "" || m.now().Sub(since) >= unclaimedFor
	}
	var last *fleet.View
	for {
		look, cancel := context.WithTimeoutCause(ctx, unclaimedFor, errLookAgain) // Nothing may be news.
		err = watch(look, m.store, func(v fleet.View) (done bool, _ error) {
			last = &v
			moved, done = movedBy(v, server, leaves, func(_, key string) bool { return idle(key) })
			return done, nil
		})
		cancel()
		if !errors.Is(err, errLookAgain) {
			return moved, err
		}
		if last == nil {
			continue // The store is silent.
		}
		if m, done := movedBy(*last, server, leaves, func(_, key string) bool { return idle(key) }); done {
			return m, nil
		}
	}
}

var errLookAgain = errors.New("nothing new for a while")
