package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
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
	// List reads all pages of a session's tools/list.
	List func(ctx context.Context, s endpoint.Session) ([]endpoint.Tool, error)
	// Slots limits how many servers start at the same time.
	Slots *Slots
	// Reapers counts the runs whose process or connection is not gone yet.
	Reapers *sync.WaitGroup
	Log     *slog.Logger
}

// Opener starts a server and opens a session with it, or gives an error, an
// *endpoint.Exit where the reason is known. When ctx ends before it returns,
// it leaves nothing running. The session lives on its own until it is closed.
type Opener func(ctx context.Context, plan messages.ServerPlan, run uint64, hooks Hooks) (endpoint.Session, error)

// Hooks is how an open session tells of what happens outside of calls. They
// are called from its reader and don't block. StartedOver is called by the
// Opener when it starts a process that replaces the run's first one.
type Hooks struct {
	Stderr       func(line string)
	Junk         func(line string)
	ToolsChanged func()
	StartedOver  func(reason string)
}

// Props makes the actor of one server. plan gives the current plan, whose
// settings may change while the server runs.
func Props(deps Deps, plan func() messages.ServerPlan) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &server{deps: deps, plan: plan} })
}

// The actor's own messages. They are about one run.
type (
	opened struct {
		run     uint64
		session endpoint.Session
		catalog endpoint.Catalog
		err     error
		elapsed time.Duration
	}
	ended struct {
		run uint64
		err error
	}
	listed struct {
		run     uint64
		catalog endpoint.Catalog
	}
	refreshDue struct{ run uint64 }
)

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (opened) IgnoreDeadLetterLogging()     {}
func (ended) IgnoreDeadLetterLogging()      {}
func (listed) IgnoreDeadLetterLogging()     {}
func (refreshDue) IgnoreDeadLetterLogging() {}

type server struct {
	deps Deps
	plan func() messages.ServerPlan

	run     uint64
	session endpoint.Session // set while ready
	words   *lastWords       // of the run
	stop    context.CancelCauseFunc
	ctx     context.Context // ends with the run
	refresh refresher
	probe   prober
	idle    idler
}

// Receive implements actor.Actor.
func (s *server) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		s.started(c)
	case messages.StartServer:
		s.begin(c)
	case messages.RefreshTools:
		s.askTools(c)
	case messages.SettingsChanged:
		s.settingsChanged(c)
	case opened:
		s.opened(c, m)
	case ended:
		s.ended(c, m)
	case listed:
		s.listed(c, m)
	case refreshDue:
		s.refreshDue(c, m)
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
	plan := s.plan()
	if plan.Lazy {
		s.publish(plan, endpoint.Status{State: endpoint.Idle})
		return
	}
	s.begin(c)
}

// begin starts a run unless there is one; after one that is just being ended
// as it was idle.
func (s *server) begin(c actor.Context) {
	if s.stop != nil {
		s.idle.wanted = s.idle.falling
		return
	}
	s.refresh, s.probe, s.idle = refresher{}, prober{}, idler{}
	plan := s.plan()
	s.run = plan.Cell.NextRun()
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	s.publish(plan, endpoint.Status{State: endpoint.Starting})
	publish(c, messages.ServerStarting{Server: plan.Entry.Name, Generation: plan.Generation, Run: s.run})
	s.launch(c, plan)
}

func (s *server) opened(c actor.Context, m opened) {
	if m.run != s.run {
		return
	}
	plan := s.plan()
	if m.err != nil {
		s.fail(c, plan, asExit(m.err, plan, s.run, endpoint.Handshake))
		return
	}
	s.session = m.session
	catalog := keepTools(m.catalog, plan.Cell.Catalog())
	plan.Cell.PublishCatalog(catalog)
	s.publish(plan, endpoint.Status{State: endpoint.Ready, PID: m.session.PID(), Session: m.session})
	publish(c, messages.ServerReady{Server: plan.Entry.Name, Run: s.run, PID: m.session.PID(), Tools: len(catalog.Tools), Elapsed: m.elapsed})
	if catalog.Err != "" {
		publish(c, messages.ToolsListed{Server: plan.Entry.Name, Run: s.run, Tools: len(catalog.Tools), Err: catalog.Err})
	}
	if s.refresh.again {
		s.refresh.again = false
		s.askTools(c)
	}
	s.probe.overdue = plan.Cell.Overdue()
	s.watchLife(c)
	s.watchCalls(c)
}

// settingsChanged brings timers in line with the plan.
func (s *server) settingsChanged(c actor.Context) {
	if s.awake() {
		s.watchLife(c)
		s.watchCalls(c)
	}
}

// ended hears that a ready session is over: callers have been answered by
// then, so the failure can go to the supervisor.
func (s *server) ended(c actor.Context, m ended) {
	if m.run != s.run || s.session == nil || s.slept(c, m.err) {
		return
	}
	plan := s.plan()
	exit := asExit(m.err, plan, s.run, endpoint.Serving)
	exit.Calls = s.session.Unanswered()
	s.fail(c, plan, exit)
}

// fail ends the run. Trouble with credentials is a state to stay in; all else
// is the supervisor's to answer.
func (s *server) fail(c actor.Context, plan messages.ServerPlan, exit *endpoint.Exit) {
	s.session = nil
	if exit.Phase == endpoint.Unauthorized {
		s.publish(plan, endpoint.Status{State: endpoint.NeedsAuth, Reason: exit.Reason})
		publish(c, messages.ServerNeedsAuth{Server: plan.Entry.Name, Run: s.run, Reason: exit.Reason})
		return
	}
	s.publish(plan, endpoint.Status{State: endpoint.BackingOff, Reason: exit.Reason})
	publish(c, messages.ServerCrashed{Exit: exit})
	panic(exit)
}

// release ends the run's context, and so its session and its process. It
// neither waits nor panics: a panic here would undo the stop.
func (s *server) release() {
	for _, timer := range []*time.Timer{s.probe.timer, s.idle.timer} {
		if timer != nil {
			timer.Stop()
		}
	}
	if s.stop != nil {
		s.stop(endpoint.ErrStopped)
	}
	if s.session != nil {
		s.words.leave(s.session)
	}
}

// publish shows the status to callers; the run, before this incarnation has
// begun one, is the last one's.
func (s *server) publish(plan messages.ServerPlan, st endpoint.Status) {
	old := plan.Cell.Status()
	st.Since, st.Run, st.Restarts, st.RetryAt = time.Now(), cmp.Or(s.run, old.Run), old.Restarts, time.Time{}
	plan.Cell.Publish(st)
}

func publish(c actor.Context, e messages.Event) { c.ActorSystem().EventStream.Publish(e) }

// asExit gives every end of a run the form that supervision understands.
func asExit(err error, plan messages.ServerPlan, run uint64, phase endpoint.Phase) *endpoint.Exit {
	exit, ok := errors.AsType[*endpoint.Exit](err)
	if !ok {
		exit = &endpoint.Exit{Phase: phase, Reason: plan.Redact.String(err.Error())}
	}
	full := *exit
	full.Server, full.Run = plan.Entry.Name, run
	if full.At.IsZero() {
		full.At = time.Now()
	}
	if st := plan.Cell.Status(); phase == endpoint.Serving {
		full.ReadyFor = full.At.Sub(st.Since)
	}
	return &full
}
