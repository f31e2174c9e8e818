package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	configactor "gatehouse/actors/config"
	"gatehouse/actors/gateway"
	"gatehouse/actors/journal"
	"gatehouse/actors/server"
	"gatehouse/actors/watcher"
	"gatehouse/internal/audit"
	"gatehouse/internal/descriptors"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/entrance"
	"gatehouse/internal/eras"
	"gatehouse/internal/front"
	"gatehouse/internal/front/gate"
	"gatehouse/internal/front/surface"
	"gatehouse/internal/httpauth"
	"gatehouse/internal/lists"
	"gatehouse/internal/login"
	"gatehouse/internal/mcpedge/agents"
	"gatehouse/internal/mcpedge/servers"
	"gatehouse/internal/ops/metrics"
	"gatehouse/internal/snapshot"
	"gatehouse/internal/toolbook"
	"gatehouse/internal/tracing"
	"gatehouse/internal/weight"
	"gatehouse/messages"
	"gatehouse/supervisor"
)

// stopReserve is the part of the shutdown timeout that is kept for stopping
// the servers.
const stopReserve = 2 * time.Second

// largeMessages is how many bytes all large messages may have together, those of
// agents and the answers of servers.
const largeMessages = 256 << 20

// app is the assembled gateway.
type app struct {
	opts     runOptions
	log      *slog.Logger
	instance string

	sys      *actor.ActorSystem
	store    *snapshot.Store
	router   *front.Router
	tools    *gate.Gate
	tasks    *surface.Tasks
	edge     *agents.Edge
	audit    *audit.Log
	tracing  *tracing.Tracer // nil if calls are not followed
	launcher *server.Launcher
	logins   *login.Keeper // nil if there is no place to keep them
	starts   *server.Starts
	reapers  *sync.WaitGroup
	operator *operator
	gate     *httpauth.Gate
	attach   *attachFront // nil if clients cannot attach
	fleet    *fleetSide   // nil if it is not one of a fleet
	passedOn http.Handler // of a fleet: the surfaces, for what other gateways pass on
	door     *entrance.Door
	ready    atomic.Bool
	observed observed
	actors   actorBook
	counted  *metrics.Book // nil without --ops
	toolbook *toolbook.Book
	eras     *eras.Store // nil where there is no place for them
	lists    *lists.Store
	keeping  *keeping
	listings inOrder // lists of tools that are still to be looked at
	// inputEnded is set over stdio once the agent has closed its end.
	inputEnded atomic.Bool
	hungUp     func() bool // whether a SIGHUP means that the terminal was closed

	journal, gatewayPID, supervisorPID, configPID, watcherPID *actor.PID
}

// assemble wires the actors. Nothing runs yet but the journal.
func assemble(l *launch, instance string, auditLog *audit.Log) *app {
	opts, log := l.opts, l.log
	a := &app{opts: opts, log: log, instance: instance, audit: auditLog, fleet: l.fleet, store: &snapshot.Store{}, starts: server.NewStarts(opts.maxStarts), reapers: &sync.WaitGroup{}}
	a.sys = newActorSystem(log)
	a.tracing = openTracing(log, instance)
	a.journal = a.spawn(journal.Props(log), "journal")
	journal.Follow(a.sys, a.journal)
	a.sys.EventStream.Subscribe(a.observed.forget)
	if l.ops != nil {
		a.counted = metrics.NewBook(a.names)
		a.sys.EventStream.Subscribe(a.countEvent)
	}
	a.sys.EventStream.Subscribe(a.auditEvent)
	a.toolbook = knownTools()
	a.lists = a.keptLists()
	a.keeping = newKeeping(a.lists)
	a.sys.EventStream.Subscribe(a.toolsListed)
	a.sys.EventStream.Subscribe(a.recallForNew)
	a.operator = &operator{app: a, files: l.found, ring: opts.ring, memory: journal.Remember(a.sys.EventStream), view: &configactor.View{}, started: time.Now()}
	budget := weight.New(largeMessages, time.Now)
	a.eras = knownEras()
	a.launcher = server.NewLauncher(version(), instance, a.eras)
	a.launcher.Budget = budget
	a.logins = knownLogins(l.src.Live, log)
	a.launcher.Logins = a.logins
	a.gatewayPID = a.spawn(gateway.Props(a.store, log), "gateway")
	a.supervisorPID = a.spawn(supervisor.Props(supervisor.Config{Server: a.serverProps, SessionIdle: opts.sessionIdle, Fleet: a.joinFleet(budget), Log: log}), serverActors)
	a.router = front.New(front.Config{
		Store: a.store, Pinned: opts.agents, DefaultAgent: opts.defaultAgent, Instance: instance,
		RulesUnknown: a.rulesUnknown, Stale: a.fleet.stale(), Room: a.fleet.room(),
		Wake: func(name string, cell *endpoint.Cell) {
			a.sys.Root.Send(a.supervisorPID, messages.WakeServer{Name: name, Cell: cell})
		},
		Refresh: func(name string, cell *endpoint.Cell, list endpoint.List) {
			a.sys.Root.Send(a.supervisorPID, messages.RefreshTools{Name: name, Cell: cell, List: list})
		},
		Audit: a.record, Begin: a.begin(), Tracer: a.tracer(),
	})
	a.tasks = surface.NewTasks(opts.sessionIdle)
	a.tools = gate.New(gate.Config{Router: a.router, Exposed: a.surfaces().Exposed(), Debug: opts.debug, NoClientHints: opts.noClientHints})
	a.gate = newGate(opts, l.found.rules.Path, a.credentials, a.refused, log)
	a.door = entrance.New(min(descriptors.Limit()/2, maxConnections))
	a.edge = agents.New(a.tools, agents.Options{
		Name: "gatehouse", Version: version(), Log: log, Budget: budget, DrainTimeout: max(opts.drainOnEOF, 1), SessionIdleTTL: opts.sessionIdle,
		AllowOrigins: opts.allowOrigins, AllowHosts: slices.Concat(opts.public().hosts(), opts.allowHosts), AllowNames: opts.namesAt(opts.httpAddr), Authorize: a.gate.Authorize, Accepted: a.accepted, Arrived: a.door.Arrived,
		OnClient: a.observed.clients.note, Fleet: a.fleet.sharing(),
	})
	a.passedOn = a.surfacesPassedOn()
	a.sys.EventStream.Subscribe(func(e any) {
		if r, ok := e.(messages.ConfigReloaded); ok && r.Role == messages.RoleRules && r.Outcome == messages.Applied {
			a.edge.Recheck()
		}
	})
	return a
}

// record writes a call into the audit log, and counts it. Whoever floods the log with
// calls that are refused is held up, for at most audit.MaxWait.
func (a *app) record(r audit.Record) {
	a.observed.note(r)
	if a.counted != nil {
		a.counted.Call(counted(r))
	}
	if wait := a.audit.Append(r); wait > 0 {
		time.Sleep(wait)
	}
}

// serverProps makes the actor of one server.
func (a *app) serverProps(plan func() messages.ServerPlan) *actor.Props {
	deps := a.serverDeps()
	if a.fleet != nil {
		deps.Reapers = a.fleet.countOwn(a.reapers, plan())
	}
	return a.actors.follow(server.Props(deps, plan), a.log)
}

func (a *app) serverDeps() server.Deps {
	return server.Deps{Open: a.launcher.Open, List: servers.ListTools, Read: servers.ReadList, Follow: servers.Follow, Listed: a.store.Touch, Starts: a.starts, Reapers: a.reapers, Log: a.log}
}

func (a *app) spawn(props *actor.Props, name string) *actor.PID {
	pid, err := a.sys.Root.SpawnNamed(a.actors.follow(props, a.log), name)
	if err != nil {
		panic("internal: cannot spawn actor " + name + ": " + err.Error())
	}
	return pid
}

// start loads generation 1 and begins to watch the files. It returns once
// calls are decided by it, and what is known of its servers' tools is there.
func (a *app) start(src configactor.Sources, first configactor.Loaded) {
	applied := make(chan struct{})
	sub := a.sys.EventStream.Subscribe(func(e any) {
		if r, ok := e.(messages.ConfigReloaded); ok && r.Generation == 1 && r.Trigger == "start" {
			close(applied)
		}
	})
	defer a.sys.EventStream.Unsubscribe(sub)
	a.configPID = a.spawn(configactor.Props(configactor.Config{
		First: first, Sources: src, Gateway: a.gatewayPID, Supervisor: a.supervisorPID,
		View: a.operator.view, Log: a.log,
	}), "config")
	<-applied
	a.recallLists()
	a.fleet.begin(a.configPID)
	a.watcherPID = a.spawn(watcher.Props(watcher.Config{
		Files: watchedFiles(src, first), Debounce: a.opts.debounce, Target: a.configPID, Log: a.log, Read: readWatched,
		Stored: systemReader.Values,
	}), "watcher")
	a.ready.Store(true)
	snap := a.store.Load()
	a.event(messages.GatewayReady{Generation: snap.Generation, Servers: len(snap.Names()), Transport: a.opts.transport})
}

func (a *app) event(e messages.Event) { a.sys.EventStream.Publish(e) }

// rescan looks at all files now.
func (a *app) rescan(trigger string) {
	a.sys.Root.Send(a.watcherPID, messages.Rescan{Trigger: trigger})
}

// idleConnection is how long a connection without requests is kept.
const idleConnection = 2 * time.Minute

// maxConnections is how many connections of agents there may be, if the process
// may have twice as many descriptors.
const maxConnections = 4096

// serveHTTP serves agents on the listener until stop is called.
func (a *app) serveHTTP(l net.Listener) (stop func(context.Context) error, failed <-chan error) {
	srv := &http.Server{Handler: a.routes(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: idleConnection, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug)}
	address := l.Addr().String()
	l = a.door.Serve(srv, l)
	errs := make(chan error, 1)
	go func() { // Ends when stop is called or the listener fails.
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			errs <- err
		}
	}()
	a.event(messages.GatewayListening{Addr: address, URL: a.opts.scheme() + "://" + address + mcpPath})
	return srv.Shutdown, errs
}

// mcpPath is where MCP is over HTTP. A slash behind it does no harm.
const mcpPath = "/mcp"

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mcp := a.edge.Handler()
	mux.Handle(mcpPath, mcp)
	mux.Handle(mcpPath+"/{$}", mcp)
	a.surfaceRoutes(mux)
	mux.Handle("/", a.edge.Elsewhere(mcpPath))
	a.metadataRoutes(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", a.readyz)
	return mux
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // Whoever asked may be gone.
}
