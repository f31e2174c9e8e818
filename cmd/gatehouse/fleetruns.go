package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/actors/remote"
	"gatehouse/actors/server"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/fleet"
	"gatehouse/internal/mcpedge/peer"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/serversfile"
	"gatehouse/messages"
)

// ownedRuns are the servers that a gateway runs for its fleet, by the keys by which it
// owns them.
type ownedRuns struct {
	mu    sync.Mutex
	byKey map[string]*ownedRun
}

// ownedRun is what runs by one key.
type ownedRun struct {
	plan  func() messages.ServerPlan // nil if it is not to run any more
	form  string
	count int // runs that have not ended
}

// begin notes whose plan runs by a key from now on. It forgets keys of which nothing
// runs and that are not owned: those of agents' instances come and go.
func (r *ownedRuns) begin(key string, plan func() messages.ServerPlan, owned func(key string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.byKey, func(k string, run *ownedRun) bool { return k != key && run.count == 0 && !owned(k) })
	run := r.of(key)
	run.plan, run.form = plan, formOf(plan().Entry)
}

// of returns what runs by a key. The mutex is held.
func (r *ownedRuns) of(key string) *ownedRun {
	if r.byKey == nil {
		r.byKey = map[string]*ownedRun{}
	}
	if r.byKey[key] == nil {
		r.byKey[key] = &ownedRun{}
	}
	return r.byKey[key]
}

// add counts runs of a key. Keys that nobody has begun with are forgotten with the last.
func (r *ownedRuns) add(key string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.of(key)
	if run.count += n; run.count == 0 && run.plan == nil {
		delete(r.byKey, key)
	}
}

// running reports whether anything of a key runs.
func (r *ownedRuns) running(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.byKey[key]
	return run != nil && run.count > 0
}

// keys are those of which anything runs.
func (r *ownedRuns) keys() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, run := range r.byKey {
		if run.count > 0 {
			all = append(all, key)
		}
	}
	return all
}

// get returns the plan of what runs by a key, and the form of its entry.
func (r *ownedRuns) get(key string) (plan messages.ServerPlan, form string, ok bool) {
	r.mu.Lock()
	run := r.byKey[key]
	r.mu.Unlock()
	if run == nil || run.plan == nil {
		return messages.ServerPlan{}, "", false
	}
	return run.plan(), run.form, true
}

// formOf identifies an entry as it is written: two gateways that have the same one have
// the same form, whatever its variables are for them.
func formOf(e serversfile.Entry) string {
	text, err := json.Marshal(struct {
		Transport            serversfile.Transport
		Command              string
		Args                 []string
		Env, Headers         map[string]string
		EnvFile, Cwd, URL    string
		Auth                 serversfile.Auth
		Scope                serversfile.Scope
		EnvPass, PassMethods []string
	}{
		e.Transport, e.Command, e.Args, e.Env, e.Headers, e.EnvFile, e.Cwd, e.URL, e.Auth,
		e.Settings.Scope, e.Settings.EnvPass, e.Settings.PassMethods,
	})
	if err != nil {
		return "" // It is made of texts.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// ownedProps makes the actor of a server that this gateway runs by a claim: in the last
// step before a request is sent it is asked whether the claim still holds.
func (a *app) ownedProps(plan func() messages.ServerPlan, epoch int64, runs *sync.WaitGroup) (*actor.Props, func()) {
	key, cell := keyOfPlan(plan()), plan().Cell
	a.fleet.runs.begin(key, plan, func(key string) bool { _, ok := a.fleet.standing.Owned(key); return ok })
	deps := a.serverDeps()
	deps.Reapers = countedRuns{all: a.reapers, own: runs, runs: &a.fleet.runs, key: key}
	deps.Open = whileHeld(deps.Open, func() bool { return a.fleet.standing.Holds(key, epoch) })
	return a.actors.follow(server.Props(deps, plan), a.log), func() { a.launcher.Kill(cell) }
}

// whileHeld starts processes, and passes requests to them, only while a claim holds: a
// gateway that was frozen goes on with what it was about to do.
func whileHeld(open server.Opener, holds func() bool) server.Opener {
	return func(ctx context.Context, p messages.ServerPlan, run uint64, hooks server.Hooks) (endpoint.Session, error) {
		if !holds() {
			return nil, peer.ErrNotOurs
		}
		hooks.Leased = true
		session, err := open(ctx, p, run, hooks)
		if err != nil {
			return nil, err
		}
		return peer.Fenced(session, holds), nil
	}
}

// remoteProps makes the stand-in for a server that another gateway runs.
func (a *app) remoteProps(plan func() messages.ServerPlan) *actor.Props {
	deps := remote.Deps{Open: a.openRemote, List: servers.ListTools, Read: servers.ReadList, Follow: peer.Follow, Listed: a.store.Touch, Log: a.log}
	return a.actors.follow(remote.Props(deps, plan), a.log)
}

// openRemote opens a session with a server at the gateway that owns it.
func (a *app) openRemote(ctx context.Context, plan messages.ServerPlan, there messages.OwnedThere) (endpoint.Session, error) {
	session, err := a.fleet.client.Open(ctx, peer.Target{
		Key: there.Key, Node: there.Owner.Node, Address: there.Owner.Address, Epoch: there.Owner.Epoch, Form: formOf(plan.Entry),
	})
	if err != nil {
		return nil, err
	}
	return session, nil
}

// countOwn counts the runs of a server that each gateway has of its own: before the
// fleet runs it once, all of them end. One for a session is never the fleet's.
func (f *fleetSide) countOwn(all *sync.WaitGroup, plan messages.ServerPlan) server.Reapers {
	if in := plan.Cell.Instance(); in != nil && in.Session != "" {
		return all
	}
	return countedRuns{all: all, own: &sync.WaitGroup{}, runs: &f.runs, key: keyOfPlan(plan)}
}

// countedRuns counts the runs of a server for all who wait for their end.
type countedRuns struct {
	all, own *sync.WaitGroup
	runs     *ownedRuns
	key      string
}

// Go implements server.Reapers.
func (c countedRuns) Go(run func()) {
	c.own.Add(1)
	c.runs.add(c.key, 1)
	c.all.Go(func() {
		defer c.own.Done()
		defer c.runs.add(c.key, -1)
		run()
	})
}

// room is whether one more instance for an agent may run here; nil for a gateway that is not
// one of a fleet.
func (f *fleetSide) room() func(server, agent string) bool {
	if f == nil {
		return nil
	}
	return func(server, agent string) bool { return f.standing.Room(fleet.KeyOf(server, agent)) }
}
