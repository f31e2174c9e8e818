package config

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// Config is what the config actor is given.
type Config struct {
	// First is what was loaded at start; it becomes generation 1.
	First Loaded
	// Sources says how files turn into generations.
	Sources Sources
	// Gateway gets snapshots, Supervisor the differences.
	Gateway    *actor.PID
	Supervisor *actor.PID
	// View, if set, shows what is in force to whoever reads it.
	View *View
	Log  *slog.Logger
}

// Props makes the config actor.
func Props(cfg Config) *actor.Props {
	// A restart, which only a bug can cause, goes on with the same state: what
	// is in force must not be started a second time.
	a := &configActor{cfg: cfg, waiting: map[uint64][]step{}, timed: map[string]fleet.Hold{}, asked: map[uint64]asker{}, book: newBook(cfg.Sources), approvals: newApprovals(cfg.Sources, cfg.First)}
	return actor.PropsFromProducer(func() actor.Actor { return a })
}

type configActor struct {
	cfg   Config
	begun bool
	book  *book
	// approvals keep back what the owner of a project has not approved.
	approvals approvals
	watcher   *actor.PID           // nil until WatcherReady
	watched   *messages.WatchFiles // what the watcher was told last; nil for nothing
	// pending are changes that something must be found out for first, in the
	// order in which they came.
	pending  []pending
	checking bool // a goroutine looks at programs
	// waiting are the generations that the gateway has not confirmed yet.
	// Of one generation of a fleet there may be several: what variables mean here
	// may have changed.
	waiting map[uint64][]step
	// asked are the operators who wait for one of these generations.
	asked map[uint64]asker
	// settling wait until nothing is waited for.
	settling []*actor.PID
	// fleet is who hears what becomes of the fleet's configuration; nil without one.
	fleet *actor.PID
	timed map[string]fleet.Hold // by server: the hold whose time is waited for
}

// asker gets the reply once its generation is in force.
type asker struct {
	pid   *actor.PID
	reply messages.OperateReply
}

// holdOver is the actor's own message: the time of a hold has passed.
type holdOver struct {
	name string
	seq  uint64
}

// IgnoreDeadLetterLogging keeps a late timer out of the log.
func (holdOver) IgnoreDeadLetterLogging() {}

// Receive implements actor.Actor.
func (a *configActor) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		a.start(c)
	case messages.ConfigChanged:
		a.heard(c, m)
	case messages.FileUnreadable:
		if m.Role == messages.RoleRules {
			a.doubtful(c, m.Reason)
		}
	case checked:
		a.checked(c, m)
	case messages.WatcherReady:
		a.watcher, a.watched = c.Sender(), nil
		a.watch(c)
	case messages.SnapshotReplaced:
		a.replaced(c, m)
	case messages.FleetChanged, messages.CandidateQuery:
		a.ofFleet(c, m)
	case messages.RestartServer, messages.ReleaseServer, messages.HoldServer:
		a.operate(c, m)
	case holdOver:
		a.holdOver(c, m)
	case messages.SettleQuery:
		a.settling = append(a.settling, c.Sender())
		a.settled(c)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		a.cfg.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
}

// start makes the first generation, once.
func (a *configActor) start(c actor.Context) {
	if !a.begun {
		a.begun = true
		a.take(c, a.book.first(a.cfg.First, time.Now()), time.Now())
	}
}

// take acts on what became of a change.
func (a *configActor) take(c actor.Context, s step, begun time.Time) {
	s.begun = begun
	if s.snapshot == nil {
		a.report(c, s)
		return
	}
	s.inForce = a.book.inForce()
	a.waiting[s.snapshot.Generation] = append(a.waiting[s.snapshot.Generation], s)
	c.Request(a.cfg.Gateway, messages.ReplaceSnapshot{Snapshot: s.snapshot})
}

// replaced goes on with a generation that callers see by now.
func (a *configActor) replaced(c actor.Context, m messages.SnapshotReplaced) {
	steps := a.waiting[m.Generation]
	if len(steps) == 0 {
		return
	}
	s := steps[0]
	if a.waiting[m.Generation] = steps[1:]; len(steps) == 1 {
		delete(a.waiting, m.Generation)
	}
	a.cfg.View.store(s.inForce)
	c.Send(a.cfg.Supervisor, s.diff)
	a.ease(c, s)
	if a.fleet != nil {
		c.Send(a.fleet, messages.InForce(m))
	}
	a.report(c, s)
	if who, ok := a.asked[m.Generation]; ok {
		delete(a.asked, m.Generation)
		c.Send(who.pid, who.reply)
	}
	a.settled(c)
}

// ease has the supervisor do what a release asks of servers that go on.
func (a *configActor) ease(c actor.Context, s step) {
	for _, lift := range s.lifts {
		c.Send(a.cfg.Supervisor, lift)
	}
	for _, end := range s.ends {
		c.Send(a.cfg.Supervisor, end)
	}
}

// operate does what an operator asks of one server.
func (a *configActor) operate(c actor.Context, m any) {
	now := time.Now()
	s, reply := a.book.act(m, now)
	if s.snapshot == nil {
		a.ease(c, s)
		c.Respond(reply)
		return
	}
	a.asked[s.snapshot.Generation] = asker{c.Sender(), reply}
	a.take(c, s, now)
	if h, ok := m.(messages.HoldServer); ok && h.For > 0 {
		root, self, due := c.ActorSystem().Root, c.Self(), holdOver{h.Name, a.book.holds[h.Name].seq}
		time.AfterFunc(h.For, func() { root.Send(self, due) })
	}
}

func (a *configActor) holdOver(c actor.Context, m holdOver) {
	now := time.Now()
	if s, due := a.book.holdOver(m.name, m.seq, now); due {
		a.take(c, s, now)
	}
}

// settled answers those who wait until every generation is in force.
func (a *configActor) settled(c actor.Context) {
	if len(a.waiting) > 0 || len(a.pending) > 0 {
		return
	}
	for _, asker := range a.settling {
		c.Send(asker, messages.SettleReply{Generation: a.book.generation})
	}
	a.settling = nil
}

func (a *configActor) report(c actor.Context, s step) {
	if s.report.Outcome == "" {
		return
	}
	s.report.Elapsed = time.Since(s.begun)
	c.ActorSystem().EventStream.Publish(s.report)
	if r := s.report; r.Mended && r.Outcome == messages.Unchanged {
		c.ActorSystem().EventStream.Publish(messages.ConfigMended{Role: r.Role, File: r.File, Generation: r.Generation})
	}
	a.judge(c, s.report.Role, s.unreadable)
}
