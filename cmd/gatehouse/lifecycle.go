package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/admin"
)

// serverActors is the supervisor's name, and what the names of servers' actors
// begin with.
const serverActors = "servers"

// actorsDo says in a few words what each of the gateway's actors is there for.
var actorsDo = map[string]string{
	"journal":    "writes what happens into the log",
	"gateway":    "holds what is in force",
	"config":     "accepts or rejects changes",
	"watcher":    "looks at the files",
	serverActors: "starts servers, and again after a crash",
}

// actorBook knows which actors live. The zero actorBook knows none. Its methods
// may be called from any goroutine.
type actorBook struct {
	mu     sync.Mutex
	actors map[string]admin.Actor
}

// follow notes, and logs, when an actor starts, restarts and stops.
func (b *actorBook) follow(props *actor.Props, log *slog.Logger) *actor.Props {
	return props.Configure(actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
		return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
			switch e.Message.(type) {
			case *actor.Started:
				b.started(c.Self().Id, time.Now())
				logActor(log, "actor started", c)
			case *actor.Restarting:
				b.restarting(c.Self().Id)
				logActor(log, "actor restarting", c)
			case *actor.Stopped:
				b.stopped(c.Self().Id)
				logActor(log, "actor stopped", c)
			}
			next(c, e)
		}
	}))
}

func logActor(log *slog.Logger, text string, c actor.ReceiverContext) {
	log.LogAttrs(context.Background(), slog.LevelDebug, text, slog.String("actor", c.Self().Id)) //nolint:sloglint // A constant of the caller.
}

func (b *actorBook) started(id string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.actors == nil {
		b.actors = map[string]admin.Actor{}
	}
	b.actors[id] = admin.Actor{Name: id, Does: actorsDo[id], Started: at, Restarts: b.actors[id].Restarts}
}

func (b *actorBook) restarting(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.actors[id]
	a.Restarts++
	b.actors[id] = a
}

func (b *actorBook) stopped(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.actors, id)
}

// list returns the actors that are not a server's, sorted by name, and those
// of servers: by the server's name, the latest of it.
func (b *actorBook) list() (own []admin.Actor, servers map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	own, servers = []admin.Actor{}, map[string]string{}
	latest := map[string]time.Time{}
	for id, a := range b.actors {
		name, isServer := strings.CutPrefix(id, serverActors+"/")
		if !isServer {
			own = append(own, a)
			continue
		}
		server := name[:max(strings.LastIndexByte(name, '@'), 0)]
		if a.Started.After(latest[server]) {
			latest[server], servers[server] = a.Started, name
		}
	}
	slices.SortFunc(own, func(a, b admin.Actor) int { return strings.Compare(a.Name, b.Name) })
	return own, servers
}
