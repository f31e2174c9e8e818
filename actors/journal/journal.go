// Package journal is the actor that turns what happens into log lines: every
// Event on the actor system's event stream, and the decisions of supervisors.
// Dead letters are logged by the actor system itself.
//
// It owns the crashes whose verdict has not come, for a second at most: a crash
// and what the supervisor makes of it are one line. Publishers never wait for it: Follow only hands over to its
// mailbox. When it is stopped by Poison, what was published before is logged
// first.
package journal

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// Props makes the journal's actor. It logs to log from its own goroutine. It
// hears nothing before Follow.
func Props(log *slog.Logger) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &journal{log: log, crashes: map[serverRun]messages.ServerCrashed{}} })
}

// Follow hands what is published on the system's event stream to the journal
// from this moment on, until stop is called. An actor that subscribed itself
// when it has started would miss what comes before.
func Follow(sys *actor.ActorSystem, journal *actor.PID) (stop func()) {
	sub := sys.EventStream.Subscribe(func(e any) {
		switch e.(type) {
		case messages.Event, *actor.SupervisorEvent:
			sys.Root.Send(journal, e)
		}
	})
	return func() { sys.EventStream.Unsubscribe(sub) }
}

type journal struct {
	log     *slog.Logger
	crashes map[serverRun]messages.ServerCrashed // not logged yet
}

// serverRun is one run of a server. Two forms of an entry, one of which drains, may run
// at once.
type serverRun struct {
	server string
	run    uint64
}

func (r serverRun) compare(other serverRun) int {
	return cmp.Or(cmp.Compare(r.server, other.server), cmp.Compare(r.run, other.run))
}

// verdictPatience is how long a crash waits for what the supervisor makes of
// it, so that both are one line. The verdict comes at once, or never: to a
// server that is being stopped.
const verdictPatience = time.Second

// overdue says that the verdict on a crash has not come.
type overdue struct{ of serverRun }

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (overdue) IgnoreDeadLetterLogging() {}

// Receive implements actor.Actor.
func (j *journal) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case messages.ServerCrashed:
		j.crashed(c, m)
	case messages.ServerBackingOff:
		j.settle(serverRun{m.Server, m.Run}, slog.Int("attempt", m.Attempt), slog.Duration("delay", m.Delay.Round(time.Millisecond)))
		j.write(m)
	case messages.ServerQuarantined:
		j.settle(serverRun{m.Server, m.Run}, slog.String("verdict", "quarantine"), slog.Duration("delay", m.Delay.Round(time.Millisecond)))
		j.write(m)
	case messages.Event:
		j.write(m)
	case *actor.SupervisorEvent:
		j.supervision(m)
	case overdue:
		j.settle(m.of)
	case *actor.Stopping, *actor.Restarting:
		for _, of := range slices.SortedFunc(maps.Keys(j.crashes), serverRun.compare) {
			j.settle(of)
		}
	}
}

func (j *journal) write(e messages.Event) {
	j.log.LogAttrs(context.Background(), e.Level(), e.Text(), e.Attrs()...) //nolint:sloglint // Each event has its own constant text.
}

// crashed keeps a crash until its verdict comes, if one does.
func (j *journal) crashed(c actor.Context, m messages.ServerCrashed) {
	if m.Stopped {
		j.write(m)
		return
	}
	of := serverRun{m.Exit.Server, m.Exit.Run}
	j.settle(of) // Of another form of the entry, whose runs have the same numbers.
	j.crashes[of] = m
	root, self, late := c.ActorSystem().Root, c.Self(), overdue{of}
	time.AfterFunc(verdictPatience, func() { root.Send(self, late) })
}

// settle logs the crash that ended a run, unless it is logged already.
func (j *journal) settle(of serverRun, verdict ...slog.Attr) {
	crash, ok := j.crashes[of]
	if !ok {
		return
	}
	delete(j.crashes, of)
	j.log.LogAttrs(context.Background(), crash.Level(), crash.Text(), append(crash.Attrs(), verdict...)...) //nolint:sloglint // As in write.
}

// supervision logs the decision about a failed actor. What an actor panics
// with may hold anything, so only its type is shown. A server's exit is not
// news: it has an event of its own.
func (j *journal) supervision(e *actor.SupervisorEvent) {
	level := slog.LevelWarn
	if _, ok := e.Reason.(*endpoint.Exit); ok {
		level = slog.LevelDebug
	}
	j.log.LogAttrs(context.Background(), level, "actor failed",
		slog.String("actor", e.Child.Id), slog.String("directive", e.Directive.String()), slog.String("type", fmt.Sprintf("%T", e.Reason)))
}
