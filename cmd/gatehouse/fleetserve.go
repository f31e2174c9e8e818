package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/front/kinds"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/weight"
	"gatehouse/messages"
	"gatehouse/supervisor"
)

// joinFleet makes the gateway ready to be one of its fleet, and begins to join it. It
// returns what the supervisor needs; nil for a gateway that is not one of a fleet.
func (a *app) joinFleet(budget *weight.Budget) *supervisor.Fleet {
	f := a.fleet
	if f == nil {
		return nil
	}
	generation := func() uint64 {
		if snap := a.store.Load(); snap != nil {
			return snap.Generation
		}
		return 0
	}
	var clientTLS *tls.Config
	if f.creds != nil {
		clientTLS = f.creds.Client()
	}
	f.client = peer.NewClient(peer.ClientConfig{TLS: clientTLS, Generation: generation})
	f.server = peer.NewServer(peer.ServerConfig{
		Owned: a.ownedHere, Move: a.moveAway, Wake: a.wakeForPeer, Logs: logsOf(a.operator.ring), Holds: f.standing.Holds, Running: f.runs.running, Generation: generation,
		Tenure: func() fleet.TenureAnswer {
			return fleet.TenureAnswer{Node: f.node.ID, Tenure: f.standing.Tenure() > 0, Generation: generation(), Now: time.Now().UTC()}
		},
		Decide: a.decideForPeer, Sessions: http.HandlerFunc(a.servePassedOn), Budget: budget, Log: a.log,
	}).HTTP()
	f.once = func(server string) bool {
		snap := a.store.Load()
		if snap == nil {
			return false // Nothing has been started.
		}
		route, known := snap.Route(server)
		return !known || route.Entry.RunsOnce() // What is configured no more drains.
	}
	f.send = func(to *actor.PID, m any) { a.sys.Root.RequestWithCustomSender(to, m, f.pid) }
	a.sys.EventStream.Subscribe(a.warnOfWaits)
	f.pid = a.spawn(f.props(), "fleet")
	f.peers = f.watchPeers()
	return &supervisor.Fleet{Actor: f.pid, Owned: a.ownedProps, Remote: a.remoteProps}
}

// ownedHere returns a server that this gateway runs for its fleet. One that is idle is
// woken by who asks for it.
func (a *app) ownedHere(key string) (peer.Owned, bool) {
	held, ok := a.fleet.standing.Owned(key)
	plan, form, known := a.fleet.runs.get(key)
	if !ok || !known || plan.Cell != held.Cell {
		return peer.Owned{}, false
	}
	if held.Cell.Status().State == endpoint.Idle {
		a.sys.Root.Send(a.supervisorPID, messages.WakeServer{Name: plan.Entry.Name, Cell: held.Cell})
	}
	return peer.Owned{
		Cell: held.Cell, Epoch: held.Epoch, Form: form, MaxInFlight: plan.Entry.Settings.MaxInFlight, Redact: plan.Redact.String,
	}, true
}

// decideForPeer asks the rules in force here about what another gateway asks for.
func (a *app) decideForPeer(key string, owned peer.Owned, r peer.Asked) *endpoint.Denied {
	server, _ := fleet.SplitKey(key)
	snap := a.store.Load()
	if snap == nil {
		return &endpoint.Denied{}
	}
	route, ok := snap.Route(server)
	if !ok {
		return &endpoint.Denied{}
	}
	d := kinds.DecidePassed(snap.Policy, &route.Entry, owned.Cell, kinds.Passed{Agent: r.Agent, Method: r.Method, Params: r.Params, Hear: r.Hear})
	if d.Allow {
		return nil
	}
	return &endpoint.Denied{Step: d.Step.String(), Rule: d.Path()}
}

// keyOfPlan is what a server is owned under.
func keyOfPlan(p messages.ServerPlan) string {
	if in := p.Cell.Instance(); in != nil {
		return fleet.KeyOf(p.Entry.Name, in.Agent)
	}
	return fleet.KeyOf(p.Entry.Name, "")
}

// servePeers serves other gateways of the fleet until stop is called.
func (f *fleetSide) servePeers() (stop func(context.Context)) {
	l := f.listener
	if f.creds != nil {
		l = tls.NewListener(l, f.creds.Server())
	}
	go func() { // Ends with stop.
		if err := f.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.fail(err)
		}
	}()
	watching, enough := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { f.peers.run(watching, max(f.opts.ttl/2, minTTL)) })
	return func(ctx context.Context) {
		enough()
		watch.Wait()
		if f.server.Shutdown(ctx) != nil {
			_ = f.server.Close()
		}
		f.client.Close()
	}
}

// leaveFleet has others take over what this gateway runs, and then leaves. It blocks
// until ctx ends at the longest. Calls go on meanwhile.
func (a *app) leaveFleet(ctx context.Context, drain time.Duration) {
	f := a.fleet
	if f == nil {
		return
	}
	f.leaving.Store(true)
	left := make(chan struct{})
	asker := a.sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			c.Request(f.pid, messages.LeaveFleet{Drain: drain})
		case messages.FleetLeft:
			close(left)
		}
	}))
	defer a.sys.Root.Stop(asker)
	select {
	case <-left:
	case <-ctx.Done():
	}
}

// servePeers serves other gateways of the fleet, if there is one. stop must be called
// once nothing needs them any more.
func (a *app) servePeers(end chan<- ending) (stop func()) {
	if a.fleet == nil {
		return func() {}
	}
	stopServing := a.fleet.servePeers()
	go func() { // Ends with the process: one failure is enough.
		end <- ending{reason: "it cannot be one of the fleet", err: <-a.fleet.failed}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), killReserve)
		defer cancel()
		stopServing(ctx)
	}
}

// leave has a gateway of a fleet be taken over by others before it stops: balancers
// notice first, then its servers move. Calls go on meanwhile.
func (a *app) leave(e ending) {
	if a.fleet == nil || e.err != nil {
		return
	}
	a.fleet.leaving.Store(true)
	a.log.Info("leaving the fleet", slog.Duration("shutdown_delay", a.fleet.opts.shutdownDelay))
	time.Sleep(a.fleet.opts.shutdownDelay)
	ctx, cancel := context.WithTimeout(context.Background(), a.opts.shutdownTimeout)
	defer cancel()
	a.leaveFleet(ctx, min(e.drain, a.opts.shutdownTimeout-stopReserve))
}
