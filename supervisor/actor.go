package supervisor

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// Config is what a supervisor is given.
type Config struct {
	// Server makes the Props of one server's actor. plan returns the server's
	// current plan at any time, from any goroutine.
	Server func(plan func() messages.ServerPlan) *actor.Props
	// SessionIdle is how long an instance for a session is kept without a sign of life
	// of that, where its entry does not say; 0 is as long as the session.
	SessionIdle time.Duration
	// Fleet is nil for a gateway of its own.
	Fleet *Fleet
	Log   *slog.Logger
}

// Props makes the supervisor's actor.
func Props(cfg Config) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor {
		return &supervisor{cfg: cfg, current: map[string]*child{}, running: map[string]*child{}}
	})
}

// The supervisor's own messages.
type (
	// restartDue: the delay of failure seq of a child has passed.
	restartDue struct {
		id  string
		seq uint64
	}
	// drained: the calls of a draining child have ended, or its time has.
	drained struct{ id string }
)

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (restartDue) IgnoreDeadLetterLogging() {}
func (drained) IgnoreDeadLetterLogging()    {}

type supervisor struct {
	cfg      Config
	self     *actor.PID
	children actor.Supervisor  // acts on this actor's children
	current  map[string]*child // by server name: those that should run
	running  map[string]*child // by actor id: those that have not ended yet
	asker    *actor.PID        // who waits for ServersStopped
	stopping bool
	lost     *actor.PID          // who waits for TenureLeft
	over     []messages.Released // claims by which nothing was begun
	vacating int                 // children whose actor has ended, and what they ran perhaps not
}

// Receive implements actor.Actor.
func (s *supervisor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		s.self = c.Self()
	case *actor.Stopping:
		s.stopReports()
	case *actor.Stopped, *actor.Restarting:
	case messages.ApplyDiff:
		s.apply(c, m)
	case messages.WakeServer:
		s.wake(c, m)
	case messages.EndInstance:
		s.endInstance(c, m)
	case messages.RefreshTools:
		s.tell(c, m.Name, m.Cell, m)
	case messages.LiftBlocks:
		s.lift(c, m)
	case messages.StopServers:
		s.stopAll(c, m)
	case messages.OwnedHere:
		s.ownedHere(c, m)
	case messages.OwnedThere:
		s.ownedThere(c, m)
	case messages.GiveUp:
		s.giveUp(c, m)
	case messages.TenureLost:
		s.tenureLost(c)
	case reportDue:
		s.reportDue(c, m)
	case vacated:
		s.vacated(c, m.child)
	case givenUp:
		s.givenUp(c, m)
	case beginDue:
		s.beginDue(c, m)
	case restartDue:
		s.restartDue(c, m)
	case drained:
		s.drained(c, m)
	case *actor.Terminated:
		s.terminated(c, m)
	default:
		s.cfg.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
	s.sayOver(c)
}

// wake starts a server that is idle, at the wish of a call. One that has failed
// waits for its time, which the call may bring forward.
func (s *supervisor) wake(c actor.Context, m messages.WakeServer) {
	k, ok := s.begun(c, m.Name, m.Cell)
	if !ok {
		return
	}
	k.wanted = time.Now()
	switch {
	case k.failing:
		k.wake()
	case k.place.key != "" && k.target() == nowhere:
		s.await(c, k)
	case k.pid != nil:
		c.Send(k.pid, messages.StartServer{})
	}
}

// tell passes a message on to the server's actor, if cell is still the one
// that the sender meant.
func (s *supervisor) tell(c actor.Context, name string, cell *endpoint.Cell, m any) {
	if k, ok := s.find(name, cell); ok && k.pid != nil {
		c.Send(k.pid, m)
	}
}

func (s *supervisor) apply(c actor.Context, m messages.ApplyDiff) {
	if s.stopping {
		return
	}
	for _, d := range m.Drain {
		s.drain(c, d.Name, d.Cell, d.Timeout)
	}
	for _, p := range m.Keep {
		s.keep(c, p)
	}
	for _, p := range m.Start {
		s.start(c, p)
	}
}

func (s *supervisor) start(c actor.Context, p messages.ServerPlan) {
	k := newChild(p)
	s.current[p.Name()] = k
	if p.Unusable != "" {
		publish(c, messages.ServerUnusable{Server: p.Name(), State: p.Unusable, Reason: p.Reason})
		return
	}
	if p.Barred != "" {
		s.cfg.Log.Warn("this gateway cannot start a server: another one of the fleet may run it",
			slog.String("server", p.Name()), slog.String("reason", p.Barred))
	}
	if !p.Scoped() {
		s.settle(c, k)
	}
}

// keep brings new settings to a server that goes on in its cell.
func (s *supervisor) keep(c actor.Context, p messages.ServerPlan) {
	k, ok := s.current[p.Name()]
	if !ok || k.plan().Cell != p.Cell {
		return
	}
	wasLazy := k.plan().Lazy
	k.setPlan(p)
	s.keepInstances(c, k)
	s.settle(c, k)
	if k.pid == nil {
		return
	}
	c.Send(k.pid, messages.SettingsChanged{})
	if wasLazy && !p.Lazy {
		c.Send(k.pid, messages.StartServer{})
	}
}

// HandleFailure implements actor.SupervisorStrategy: protoactor calls it, in
// this actor's own mailbox, when a child has panicked.
func (s *supervisor) HandleFailure(sys *actor.ActorSystem, sup actor.Supervisor, pid *actor.PID,
	_ *actor.RestartStatistics, reason, _ any,
) {
	s.children = sup
	k, ok := s.running[pid.Id]
	if !ok || k.draining || k.place.leaving {
		sup.StopChildren(pid)
		return
	}
	if k.place.is == elsewhere {
		s.standInFailed(k, sup, reason)
		return
	}
	exit := s.asExit(k, reason)
	blamed := k.blame(exit)
	verdict := k.failed(exit, blamed, rand.Float64()) //nolint:gosec // Jitter needs no secrecy.
	sys.EventStream.Publish(&actor.SupervisorEvent{Child: pid, Reason: reason, Directive: actor.RestartDirective})
	k.announce(sys, exit, verdict)
	k.suspect(sys, exit)
	tellBlocks(sys, exit, blamed.Fresh)
	due := restartDue{id: pid.Id, seq: k.seq}
	k.failing = true
	k.wait(verdict, func() { sys.Root.Send(s.self, due) })
}

// asExit turns a failure into an exit; what is not an *endpoint.Exit is a bug. The
// content of a panic could be anything, so only its type is logged.
func (s *supervisor) asExit(k *child, reason any) *endpoint.Exit {
	if exit, ok := reason.(*endpoint.Exit); ok {
		return exit
	}
	plan := k.plan()
	s.cfg.Log.Error("internal: server actor panicked", slog.String("server", plan.Name()), slog.String("type", fmt.Sprintf("%T", reason)))
	return &endpoint.Exit{
		Server: plan.Name(), Run: plan.Cell.Status().Run, Phase: endpoint.Serving,
		Reason: "internal error of the gateway", At: time.Now(),
	}
}

func (s *supervisor) restartDue(c actor.Context, m restartDue) {
	k, ok := s.running[m.id]
	if !ok || k.draining || k.seq != m.seq {
		return
	}
	k.failing = false
	if k.unneeded(time.Now()) {
		p := k.plan()
		s.endInstance(c, messages.EndInstance{Name: p.Entry.Name, Cell: p.Cell})
		return
	}
	s.children.RestartChildren(k.pid)
}

func (s *supervisor) terminated(c actor.Context, m *actor.Terminated) {
	k, ok := s.running[m.Who.Id]
	if !ok {
		return
	}
	delete(s.running, m.Who.Id)
	if k.place.leaving && !k.draining {
		s.leftPlace(c, k)
		s.allStopped(c)
		return
	}
	k.ended(c)
	s.endedPlace(c, k)
	s.forgetInstance(k)
	if s.current[k.plan().Name()] == k {
		delete(s.current, k.plan().Name())
	}
	s.allStopped(c)
}

func publish(c actor.Context, e messages.Event) { c.ActorSystem().EventStream.Publish(e) }

var _ actor.SupervisorStrategy = (*supervisor)(nil)
