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
	return actor.PropsFromProducer(func() actor.Actor { return &journal{log: log, crashes: map[string]messages.ServerCrashed{}} })
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
	crashes map[string]messages.ServerCrashed // by server: not logged yet
}

// verdictPatience is how long a crash waits for what the supervisor makes of
// it, so that both are one line. The verdict comes at once, or never: to a
// server that is being stopped.
const verdictPatience = time.Second

// overdue says that the verdict on a crash has not come.
type overdue struct {
	server string
	run    uint64
}

// IgnoreDeadLetterLogging keeps late timers out of the log.
func (overdue) IgnoreDeadLetterLogging() {}

// Receive implements actor.Actor.
func (j *journal) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case messages.ServerCrashed:
		j.crashed(c, m)
	case messages.ServerBackingOff:
		j.settle(m.Server, slog.Int("attempt", m.Attempt), slog.Duration("delay", m.Delay.Round(time.Millisecond)))
		j.write(m)
	case messages.ServerQuarantined:
		j.settle(m.Server, slog.String("verdict", "quarantine"), slog.Duration("delay", m.Delay.Round(time.Millisecond)))
		j.write(m)
	case messages.Event:
		j.write(m)
	case *actor.SupervisorEvent:
		j.supervision(m)
	case overdue:
		if crash, ok := j.crashes[m.server]; ok && crash.Exit.Run == m.run {
			j.settle(m.server)
		}
	case *actor.Stopping, *actor.Restarting:
		for _, server := range slices.Sorted(maps.Keys(j.crashes)) {
			j.settle(server)
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
	j.settle(m.Exit.Server)
	j.crashes[m.Exit.Server] = m
	root, self, late := c.ActorSystem().Root, c.Self(), overdue{m.Exit.Server, m.Exit.Run}
	time.AfterFunc(verdictPatience, func() { root.Send(self, late) })
}

// settle logs the crash of a server that is not logged yet, if there is one.
func (j *journal) settle(server string, verdict ...slog.Attr) {
	crash, ok := j.crashes[server]
	if !ok {
		return
	}
	delete(j.crashes, server)
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
