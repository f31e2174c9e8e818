package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// Deps is what a server actor is given. All of it is shared by the servers of
// one gateway.
type Deps struct {
	// Open starts a run; see Opener.
	Open Opener
	// List reads all pages of a session's tools/list, and for how many milliseconds it
	// may be kept.
	List func(ctx context.Context, s endpoint.Session) (tools []endpoint.Tool, ttl int64, err error)
	// Read reads another list of a session likewise.
	Read func(ctx context.Context, s endpoint.Session, list endpoint.List) (items []endpoint.Tool, ttl int64, err error)
	// Follow, unless nil, asks a session for what agents want to hear of, until ctx or
	// the session ends.
	Follow func(ctx context.Context, s endpoint.Session, wanted *endpoint.Notices)
	// Listed, unless nil, hears that a server has listed something. It does not
	// block.
	Listed func()
	// Starts paces the starts of processes.
	Starts *Starts
	// Reapers counts the runs whose process or connection is not gone yet.
	Reapers Reapers
	Log     *slog.Logger
}

// Reapers runs what sees to the end of a run, and counts it until it has ended:
// a sync.WaitGroup, or more than one.
type Reapers interface{ Go(run func()) }

func (d Deps) listed() {
	if d.Listed != nil {
		d.Listed()
	}
}

// Opener starts a server and opens a session with it, or returns an error, an
// *endpoint.Exit where the reason is known. When ctx ends before it returns,
// it leaves nothing running. The session lives on its own until it is closed.
type Opener func(ctx context.Context, plan messages.ServerPlan, run uint64, hooks Hooks) (endpoint.Session, error)

// Hooks is how an open session reports what happens outside of calls. They
// are called from its reader and don't block. StartedOver is called by the
// Opener when it starts a process that replaces the run's first one, Renewed
// when a url server has been given a new session in place of one that it had
// forgotten.
type Hooks struct {
	// Leased means that the process runs by a lease: see childproc.Command.
	Leased bool
	// Started hears of a process how to find out whether it has work to do.
	Started      func(computing func() bool)
	Stderr       func(line string)
	Junk         func(line string)
	ToolsChanged func()
	ListChanged  func(endpoint.List)
	Notice       func(method string, params json.RawMessage)
	StartedOver  func(reason string)
	Renewed      func(reason string)
}

// Props makes the actor of one server. plan returns the current plan, whose
// settings may change while the server runs.
func Props(deps Deps, plan func() messages.ServerPlan) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &server{deps: deps, plan: plan} })
}

// The actor's own messages are each about one run.
type (
	opened struct {
		ofRun
		session endpoint.Session
		catalog endpoint.Catalog
		err     error
		elapsed time.Duration
	}
	ended struct {
		ofRun
		err error
	}
	listed struct {
		ofRun
		list    endpoint.List
		catalog endpoint.Catalog
	}
	refreshDue struct {
		ofRun
		list endpoint.List
	}
)

// ofRun is the number of the run that a message is about.
type ofRun uint64

func (n ofRun) number() uint64 { return uint64(n) }

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (ofRun) IgnoreDeadLetterLogging() {}

type server struct {
	deps Deps
	plan func() messages.ServerPlan
	run  *run // nil: none

	refusal refusal // the last one of the credentials
}

// Receive implements actor.Actor.
func (s *server) Receive(c actor.Context) {
	if m, ok := c.Message().(interface{ number() uint64 }); ok && !s.run.is(m.number()) {
		return // Stale: the run has ended since.
	}
	switch m := c.Message().(type) {
	case *actor.Started:
		s.started(c)
	case messages.StartServer:
		s.start(c)
	case retryDue:
		s.retryDue(c, m)
	case messages.RefreshTools:
		s.ask(c, m.List)
	case listChanged:
		s.listChanged(c, m.list)
	case messages.SettingsChanged:
		s.settingsChanged(c)
	case opened:
		s.opened(c, m)
	case ended:
		s.ended(c, m)
	case listed:
		s.listed(c, m)
	case refreshDue:
		s.refreshDue(c, m.list)
	case probeDue:
		s.probeDue(c, m)
	case probed:
		s.probed(c, m)
	case idleDue:
		s.idleDue(c, m)
	case *actor.Restarting, *actor.Stopping:
		s.release()
	case *actor.Stopped:
	default:
		s.deps.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
}

func (s *server) started(c actor.Context) {
	if plan := s.plan(); plan.Lazy {
		plan.Cell.Move(endpoint.Parked, time.Now(), nil)
		return
	}
	s.begin(c)
}

// begin starts a run unless one is running. If the current run is going to
// sleep, it starts a new one once that has ended.
func (s *server) begin(c actor.Context) {
	if s.run != nil {
		s.run.idle.wanted = s.run.idle.falling
		return
	}
	plan := s.plan()
	number := plan.Cell.NextRun()
	if !plan.Cell.Move(endpoint.Begun, time.Now(), func(next *endpoint.Status) { next.Run = number }) {
		return
	}
	s.run = newRun(number)
	publish(c, messages.ServerStarting{Server: plan.Name(), Generation: plan.Generation, Run: number})
	s.launch(c, plan)
}

func (s *server) opened(c actor.Context, m opened) {
	plan := s.plan()
	if m.err != nil {
		s.fail(c, plan, asExit(m.err, plan, s.run.nr, endpoint.Handshake))
		return
	}
	s.run.session, s.run.ready = m.session, time.Now()
	s.refusal.reason = "" // The next one will be news.
	catalog := keepTools(m.catalog, plan.Cell.Catalog())
	plan.Cell.PublishCatalog(catalog)
	s.deps.listed()
	open := plan.Cell.Move(endpoint.Opened, time.Now(), func(next *endpoint.Status) {
		next.PID, next.Session = m.session.PID(), m.session
		next.Opened++
	})
	if !open {
		return // It drains, and is about to be stopped.
	}
	publish(c, messages.ServerReady{Server: plan.Name(), Run: s.run.nr, PID: m.session.PID(), Tools: len(catalog.Tools), Elapsed: m.elapsed})
	if catalog.Trouble() != "" {
		publish(c, messages.ToolsListed{Server: plan.Name(), Run: s.run.nr, Tools: len(catalog.Tools), Err: catalog.Trouble()})
	}
	s.follow(plan)
	for list := range s.run.refresh {
		s.askAgain(c, endpoint.List(list), plan)
	}
	s.run.probe.overdue = plan.Cell.Overdue()
	s.watchLife(c)
	s.watchCalls(c)
}

// settingsChanged brings timers in line with the plan.
func (s *server) settingsChanged(c actor.Context) {
	if s.run.awake() {
		s.watchLife(c)
		s.watchCalls(c)
	}
}

// ended hears that a ready session is over: callers have been answered by
// then, so the failure can go to the supervisor.
func (s *server) ended(c actor.Context, m ended) {
	if s.slept(c, m.err) {
		return
	}
	plan := s.plan()
	s.fail(c, plan, s.run.crash(m.err, plan))
}

// fail ends the run. Trouble with credentials is a state to stay in; all else
// is the supervisor's to answer.
func (s *server) fail(c actor.Context, plan messages.ServerPlan, exit *endpoint.Exit) {
	s.run.end()
	s.run = nil
	if exit.Phase == endpoint.Unauthorized {
		s.refused(c, plan, exit)
		return
	}
	plan.Cell.Move(endpoint.Crashed, time.Now(), func(next *endpoint.Status) { next.Reason = exit.Reason })
	publish(c, messages.ServerCrashed{Exit: exit})
	panic(exit)
}

// release ends the run, and so its session and its process. It neither waits
// nor panics: a panic here would undo the stop.
func (s *server) release() {
	if s.refusal.timer != nil {
		s.refusal.timer.Stop()
	}
	if s.run == nil {
		return
	}
	s.run.end()
	if s.run.session != nil {
		s.run.report.orphan(s.run.session)
	}
}

func publish(c actor.Context, e messages.Event) { c.ActorSystem().EventStream.Publish(e) }

// asExit puts every end of a run into the form that supervision understands.
func asExit(err error, plan messages.ServerPlan, run uint64, phase endpoint.Phase) *endpoint.Exit {
	exit, ok := errors.AsType[*endpoint.Exit](err)
	if !ok {
		exit = &endpoint.Exit{Phase: phase, Reason: plan.Redact.String(err.Error())}
	}
	full := *exit
	full.Server, full.Run = plan.Name(), run
	if full.At.IsZero() {
		full.At = time.Now()
	}
	return &full
}
