package fleet

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// Config is what the fleet's actor is given.
type Config struct {
	Store fleet.Store
	// Node is this gateway. Boot tells its process from others of the same id.
	Node fleet.Node
	TTL  time.Duration
	// Previous is the lease of an earlier process of this node; it ends when this one
	// joins. Joined, unless nil, hears of each new lease. It may block for a moment.
	Previous fleet.Lease
	Joined   func(fleet.Lease)
	// Standing is where others read what the actor knows; it has the clock.
	Standing *Standing
	// Guard, unless nil, tells who ends what a gateway leaves that it is to end what
	// runs by claims at that moment, if it hears no other. It may block for a moment.
	Guard func(until fleet.Instant) error
	// Swept, unless nil, is closed once nothing is left of an earlier process of this
	// node: before, Previous is not ended.
	Swept <-chan struct{}
	// Running, unless nil, asks another gateway whether anything of a key runs there. It
	// blocks until ctx ends at the longest. Runs, unless nil, reports whether anything of
	// it runs here, and Once are the keys of servers that run once in the fleet of which
	// something does; they must not block.
	Running func(ctx context.Context, address, key string) (bool, error)
	Runs    func(key string) bool
	Once    func() []string
	// Wake, unless nil, has another gateway claim a lazy server that it can start and
	// nobody owns. It blocks until ctx ends at the longest.
	Wake func(ctx context.Context, address, key string) error
	// Content, unless nil, hears what the fleet has agreed on whenever that changes. It
	// must not block.
	Content func(messages.FleetChanged)
	// Candidate, unless nil, has it found out whether this gateway can follow another
	// configuration. It must not block. The actor is sent the CandidateReply, as it is
	// the other answers to Content: InForce, CannotFollow and HoldLapsed.
	Candidate func(messages.CandidateQuery)
	// MaxInstances is how many instances for agents this node may own. Default:
	// fleet.MaxInstances.
	MaxInstances int
	// Taken is called once if another process has this node's id and does not go.
	Taken func(error)
	// Unfit, unless nil, is called once if the fleet is written in a form by now that this
	// version does not know. It must not block.
	Unfit func(error)
	Log   *slog.Logger
}

// Props makes the fleet's actor.
func Props(cfg Config) *actor.Props {
	cfg.Standing.most = int64(cmp.Or(cfg.MaxInstances, fleet.MaxInstances))
	f := &member{
		cfg: cfg, node: cfg.Node, previous: cfg.Previous, wants: map[string]*want{}, owned: map[string]*ownership{},
		claiming: map[string]bool{}, waits: map[string]fleet.Awaiting{}, settled: map[string]fleet.Record{}, voids: map[string]voidSeen{},
	}
	f.life, f.die = context.WithCancel(context.Background())
	f.byLease, f.endLease = f.life, func() {}
	return actor.PropsFromProducer(func() actor.Actor { return f })
}

// member is the actor.
type member struct {
	cfg        Config
	node       fleet.Node
	self       *actor.PID
	root       *actor.RootContext
	supervisor *actor.PID // nil until it has wanted something
	life       context.Context
	die        context.CancelFunc

	lease fleet.Lease // 0 without one
	// byLease ends with the lease, and with it what is done by it; see endLease.
	byLease  context.Context
	endLease context.CancelFunc
	previous fleet.Lease // is to end before the next one
	tenure   fleet.Tenure
	joining  bool
	renewing bool
	ending   bool // what ran by a tenure that is over is ending
	sweeping bool // what an earlier process of this node has left is ending
	losses   int  // numbers the tenures that are over
	taken    fleet.Instant
	ticker   *time.Timer

	view    fleet.View
	started time.Time             // when a node of it was last seen to be started
	first   int64                 // the revision with which this process has first joined
	told    messages.FleetChanged // what was handed on
	servers string                // the hash of the servers file in that
	// judged is the candidate that this node was asked about last, asked what is in it, and
	// ack the answer.
	judged   int64
	asked    *fleet.Content
	ack      *fleet.Ack
	saysNode saying
	saysAck  saying
	wants    map[string]*want
	owned    map[string]*ownership
	// claiming are the keys that are being claimed, wanted or not by now: a want waits for
	// the claim of one before it. Two claims would win the same epoch, and the later answer
	// could come after its release.
	claiming map[string]bool
	waits    map[string]fleet.Awaiting // what is claimed and waits for others, for long, by key
	settled  map[string]fleet.Record   // records of failures that an operator has dealt with, by key

	voids map[string]voidSeen // by key

	isolation isolation
	unfit     bool // the fleet is written in a form that is not known here
	noting    bool // what it cannot start is about to be written
	// notingWaits: what waits is about to be written.
	notingWaits bool

	leaver *actor.PID // who waits for FleetLeft; nil while this node stays
	drain  time.Duration
	left   bool
}

// The actor's own messages.
type (
	seen   struct{ view fleet.View }
	joined struct {
		node    fleet.Node // as it has joined
		sent    fleet.Instant
		lease   fleet.Lease
		granted time.Duration
		err     error
	}
	joinDue struct{}
	tickDue struct{}
	renewed struct {
		lease fleet.Lease
		sent  fleet.Instant
		err   error
	}
	revoked struct{ lease fleet.Lease }
	swept   struct{ in bool }    // false: not in time
	endLate struct{ losses int } // what ran by a tenure should have ended by now
)

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (seen) IgnoreDeadLetterLogging()    {}
func (joined) IgnoreDeadLetterLogging()  {}
func (joinDue) IgnoreDeadLetterLogging() {}
func (tickDue) IgnoreDeadLetterLogging() {}
func (renewed) IgnoreDeadLetterLogging() {}
func (revoked) IgnoreDeadLetterLogging() {}
func (swept) IgnoreDeadLetterLogging()   {}
func (endLate) IgnoreDeadLetterLogging() {}

// Receive implements actor.Actor.
func (f *member) Receive(c actor.Context) {
	f.receive(c)
	f.cfg.Standing.claims.Store(f.mayClaim())
}

func (f *member) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *actor.Started:
		f.start(c)
	case messages.WantOwner, messages.Awaited, messages.Unwanted, messages.ServerState, messages.Released, messages.TenureLeft:
		if from := c.Sender(); from != nil { // An answer has none.
			f.supervisor = from
		}
		f.ofSupervisor(m)
	case messages.InForce:
		f.inForce(m)
	case messages.CandidateReply:
		f.judgement(m)
	case messages.CannotFollow:
		f.cannotFollow(m)
	case messages.HoldLapsed:
		f.holdLapsed(m)
	case holdAgain:
		f.releaseLater(m)
	case messages.LeaveFleet:
		f.leave(c.Sender(), m)
	case messages.MoveServer:
		f.move(m)
	case said:
		f.said(m)
	case seen:
		f.seen(m.view)
	case joinDue:
		f.join()
	case joined:
		f.joined(m)
	case tickDue:
		f.tick()
	case renewed:
		f.renewed(m)
	case revoked:
		f.revoked()
	case messages.PeersUnreached:
		f.peersUnreached(m)
	case isolatedDue:
		f.isolatedDue(m)
	case swept:
		f.swept(m)
	case endLate:
		f.endLate(m)
	case cannotDue:
		f.cannotDue()
	case endAwaited:
		f.endAwaited(m)
	case waitsDue:
		f.waitsDue()
	case awoken:
		f.awoken(m)
	case claimDue:
		f.claimDue(m)
	case claimed:
		f.claimed(m)
	case voidLooked:
		f.voidLooked(m)
	case writeDue:
		f.writeDue(m)
	case written:
		f.written(m)
	case released:
		f.released(m)
	case releaseDue:
		f.releaseDue(m)
	case *actor.Stopping:
		f.die()
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		f.cfg.Log.Debug("unknown message", slog.String("actor", c.Self().Id), slog.Any("message", m))
	}
}

// start follows the store and joins the fleet, once.
func (f *member) start(c actor.Context) {
	if f.self != nil {
		return
	}
	f.self, f.root = c.Self(), c.ActorSystem().Root
	go func() { // Ends with the actor.
		_ = f.cfg.Store.Follow(f.life, func(v fleet.View) { f.root.Send(f.self, seen{v}) }) // It ends with its context alone.
	}()
	f.awaitSweep()
	f.join()
}

func (f *member) ofSupervisor(m any) {
	switch m := m.(type) {
	case messages.WantOwner:
		f.want(m)
	case messages.Awaited:
		f.awaited(m)
	case messages.Unwanted:
		f.unwanted(m)
	case messages.ServerState:
		f.state(m)
	case messages.Released:
		f.stopped(m)
	case messages.TenureLeft:
		f.tenureLeft()
	}
}

// ask runs what waits for the store, and has the actor hear what became of it.
func (f *member) ask(timeout time.Duration, what func(ctx context.Context) any) {
	go func() { // Ends by its time, or with the actor.
		ctx, cancel := context.WithTimeout(f.life, timeout)
		defer cancel()
		f.root.Send(f.self, what(ctx))
	}()
}

// later has the actor hear something after a while.
func (f *member) later(after time.Duration, m any) *time.Timer {
	return time.AfterFunc(after, func() { f.root.Send(f.self, m) })
}

// tell sends the supervisor something.
func (f *member) tell(m any) {
	if f.supervisor != nil {
		f.root.RequestWithCustomSender(f.supervisor, m, f.self)
	}
}

// seen takes in what the store holds by now.
func (f *member) seen(v fleet.View) {
	if err := fleet.CheckFormat(v.Format); err != nil {
		f.outgrown(err)
		return
	}
	if f.view.Store != 0 && (v.Store != f.view.Store || v.Revision < f.view.Revision) {
		f.cfg.Log.Warn("the fleet's store was restored or replaced: all of it is read anew",
			slog.Int64("revision_before", f.view.Revision), slog.Int64("revision", v.Revision))
		f.told, f.servers = messages.FleetChanged{}, ""
		f.judged, f.ack = 0, nil // What was said of it is gone.
		f.cfg.Standing.lacks.Store(0)
	}
	if damaged := v.Summary(); len(damaged) > 0 && !slices.Equal(damaged, f.view.Summary()) {
		f.cfg.Log.Warn("keys of the fleet's store cannot be read and are left out", slog.Any("keys", damaged))
	}
	f.noteStarts(v)
	f.noteVanished(v) // Before it is out of the view.
	f.view = v
	f.cfg.Standing.see(&v)
	f.noteVoids()
	f.noteIsolation()
	f.dropSettled()
	f.handOn()
	f.candidate()
	for _, w := range f.wants {
		f.settle(w)
	}
}

// outgrown has this gateway end: it would read what it does not understand. What it owns it
// may own no more by the rules of others, so that ends at once, and nothing more is written.
func (f *member) outgrown(err error) {
	if f.unfit {
		return
	}
	f.unfit = true
	f.lose("this version does not know the format of the fleet")
	if f.cfg.Unfit != nil {
		f.cfg.Unfit(err)
	}
}

// handOn hands on what the fleet has agreed on, if that is news. A store that was restored
// may have another content by a generation that was handed on.
func (f *member) handOn() {
	v := f.view
	if v.Generation == 0 || v.Active == nil || f.cfg.Content == nil {
		return
	}
	m := messages.FleetChanged{Generation: v.Generation, Content: v.Active, Holds: v.HoldsOfServers(), Restarts: v.Restarts}
	if was := f.told; was.Generation == m.Generation && was.Content.Same(m.Content) && fleet.SameWishes(was.Holds, m.Holds, was.Restarts, m.Restarts) {
		return
	}
	if f.servers == "" || !bytes.Equal(f.told.Content.Servers, m.Content.Servers) {
		f.servers = m.Content.ServersHash()
	}
	f.beginAfresh(f.told, m)
	f.told = m
	f.cfg.Content(m)
}
