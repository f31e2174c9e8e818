package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"gatehouse/internal/admin"
	"gatehouse/internal/childproc"
	"gatehouse/internal/ops"
	"gatehouse/messages"
)

// opsOptions are the flags of the operators' listener.
type opsOptions struct {
	addr      string // "" is off
	tokenFile string
}

func (o *opsOptions) register(f *pflag.FlagSet) {
	f.StringVar(&o.addr, "ops", env("GATEWAY_OPS_ADDR", ""), "serve operators at this address, HOST:PORT, or a port for this machine only: /metrics, and a page of the actor tree; off by default [GATEWAY_OPS_ADDR]")
	f.StringVar(&o.tokenFile, "ops-token-file", "", "the file with the token that --ops asks for; needed beyond loopback, together with --tls-cert or --insecure")
}

// check finds what is wrong with the flags.
func (o *opsOptions) check() error {
	if o.addr == "" {
		if o.tokenFile != "" {
			return errors.New("--ops-token-file needs --ops")
		}
		return nil
	}
	addr, err := listenAddress("--ops", o.addr)
	if err != nil {
		return err
	}
	o.addr = addr
	return nil
}

// opsFront is the operators' listener. A nil *opsFront is one that is off.
type opsFront struct {
	listener net.Listener
	token    func() (string, error) // nil: none is asked for
	secure   bool
	server   *ops.Server
}

// openOps opens the operators' port, if one is asked for, before anything is
// started. The caller must close it.
func openOps(opts runOptions, log *slog.Logger) (*opsFront, error) {
	if opts.ops.addr == "" {
		return nil, nil //nolint:nilnil // It is off.
	}
	f := &opsFront{secure: opts.tlsCert != ""}
	if opts.ops.tokenFile != "" {
		token, err := tokenReader(opts.ops.tokenFile, homeDir())
		if err != nil {
			return nil, fmt.Errorf("--ops-token-file: %w", err)
		}
		if _, err := token(); err != nil {
			return nil, fmt.Errorf("--ops-token-file: %w", err)
		}
		f.token = token
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", opts.ops.addr)
	if err != nil {
		return nil, listenFailed("--ops", opts.ops.addr, err)
	}
	if err := f.safe(opts, l); err != nil {
		_ = l.Close() // It is of no use any more.
		return nil, err
	}
	if f.listener, err = secured(opts, l, log); err != nil {
		_ = l.Close() // Likewise.
		return nil, err
	}
	return f, nil
}

// safe returns an error if anybody on a network could look into the gateway, or
// read the token on its way.
func (f *opsFront) safe(opts runOptions, l net.Listener) error {
	switch {
	case !exposed(l):
		return nil
	case f.token == nil:
		return fmt.Errorf("cannot serve operators on %s without a credential: other machines reach it; "+
			"put a token into a file and name it with --ops-token-file, or use a loopback address", l.Addr())
	case !f.secure && !opts.insecure:
		return fmt.Errorf("cannot serve operators on %s in clear text: the token could be read on the way; "+
			"give --tls-cert and --tls-key, or add --insecure", l.Addr())
	}
	return nil
}

// close frees the port if it was never served.
func (f *opsFront) close() {
	if f != nil && f.server == nil {
		_ = f.listener.Close() // Nothing is left to do about an error.
	}
}

// address is where operators connect, "" if it is off.
func (f *opsFront) address() string {
	if f == nil {
		return ""
	}
	return ops.Address(f.listener, f.secure)
}

// openOps serves operators, if they have a listener.
func (o *operator) openOps(f *opsFront) {
	if f == nil {
		return
	}
	pulse := &ops.Pulse{}
	o.app.sys.EventStream.Subscribe(func(e any) {
		if _, happened := e.(messages.Event); happened {
			pulse.Beat()
		}
	})
	f.server = ops.Serve(f.listener, ops.Options{
		Gateway: o, Counted: o.app.counted, Instance: o.app.instance, Names: o.app.opts.namesAt(o.app.opts.ops.addr), Secure: f.secure, Token: f.token,
		UID: os.Getuid(), Changed: pulse.Next, Below: childproc.HoldsSocket, Refused: o.app.refused, Log: o.app.log,
	})
	o.ops = f
	o.app.log.Info("serving operators", slog.String("url", f.address()))
}

// closeOps ends the operators' listener and the requests that still run.
func (o *operator) closeOps() {
	if o.ops != nil {
		o.ops.server.Close()
	}
}

// OpsLink implements admin.Gateway.
func (o *operator) OpsLink(q admin.OpsLinkQuery) (admin.OpsLink, error) {
	if o.ops == nil {
		return admin.OpsLink{}, &admin.Error{Status: http.StatusConflict, Message: "this gateway has no operators' listener: start it with --ops 8001"}
	}
	return admin.OpsLink{URL: o.ops.reachable() + o.ops.server.Link(q.Here), ExpiresMS: ops.LinkLife.Milliseconds()}, nil
}

// reachable is an address under which this machine reaches the listener: one that
// listens everywhere is not an address to go to.
func (f *opsFront) reachable() string {
	address := f.address()
	for _, everywhere := range []string{"//[::]:", "//0.0.0.0:"} {
		address = strings.Replace(address, everywhere, "//localhost:", 1)
	}
	return address
}
