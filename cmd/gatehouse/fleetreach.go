package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"gatehouse/internal/admin"
	"gatehouse/internal/fleet"
	"gatehouse/internal/fleetstore"
)

// storeOptions are the flags of commands that reach a fleet through its store.
type storeOptions struct {
	fleet    fleetOptions
	insecure bool
	flags    *pflag.FlagSet
}

func (o *storeOptions) register(f *pflag.FlagSet) {
	o.flags = f
	o.fleet.registerStore(f)
	f.Lookup("fleet").Usage = "the name of the fleet [GATEWAY_FLEET]"
	f.BoolVar(&o.insecure, "insecure", false, "reach etcd on another machine without encryption: whoever can tamper with the traffic can run commands on every replica")
}

// named reports whether there is a store to reach the fleet by.
func (o *storeOptions) named() bool { return len(o.fleet.store) > 0 }

// check returns what is wrong with the flags of a store that is named.
func (o *storeOptions) check() error {
	if o.fleet.name == "" {
		return fmt.Errorf("--fleet-store (%s) needs --fleet (%s): the name of the fleet", storeVariable, fleetVariable)
	}
	return o.fleet.checkName()
}

// open connects to the store. It blocks for openPatience at the longest.
func (o *storeOptions) open(ctx context.Context) (*fleetstore.Store, error) {
	config, err := o.fleet.storeTLS()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	return fleetstore.Open(ctx, fleetstore.Config{URLs: o.fleet.store, TLS: config, Fleet: o.fleet.name, Insecure: o.insecure})
}

// reach finds the gateway that runs here or, if there is none, or a fleet or a store
// is named by a flag, has the store be used: then there is no gateway.
func (o *storeOptions) reach(ctx context.Context, here *running) (gw *admin.Found, err error) {
	if o.flags.Changed("fleet") && !o.named() {
		return nil, fmt.Errorf("--fleet needs the store of that fleet: --fleet-store (%s)", storeVariable)
	}
	if o.named() && (o.flags.Changed("fleet-store") || o.flags.Changed("fleet")) {
		if err := o.check(); err != nil {
			return nil, err
		}
		return nil, nil //nolint:nilnil // It is the store's turn.
	}
	found, err := here.connect(ctx)
	exit, isExit := errors.AsType[*exitError](err)
	switch {
	case err == nil:
		return &found, nil
	case o.named() && isExit && exit.code == exitNone:
		return nil, o.check() //nolint:nilnil // It is the store's turn.
	}
	return nil, err
}

// watch calls see with each view of a store until it returns true, an error, or ctx ends.
func watch(ctx context.Context, store fleet.Store, see func(fleet.View) (done bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := errors.New("all has been seen")
	_ = store.Follow(ctx, func(v fleet.View) { // It ends with its context alone.
		switch done, err := see(v); {
		case err != nil:
			cancel(err)
		case done:
			cancel(over)
		}
	})
	if err := context.Cause(ctx); !errors.Is(err, over) {
		return err
	}
	return nil
}

// firstView is what a store holds now. It blocks for openPatience at the longest.
func firstView(ctx context.Context, store fleet.Store) (v fleet.View, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openPatience, fmt.Errorf("the fleet's store does not answer within %s", openPatience))
	defer cancel()
	err = watch(ctx, store, func(now fleet.View) (bool, error) {
		v = now
		return true, nil
	})
	return v, err
}
