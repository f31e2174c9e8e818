// Package journal is the actor that turns what happens into log lines: every
// Event on the actor system's event stream, and the decisions of supervisors.
// Dead letters are logged by the actor system itself.
//
// It owns nothing. Publishers never wait for it: Follow only hands over to its
// mailbox. When it is stopped by Poison, what was published before is logged
// first.
package journal

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/messages"
)

// Props makes the journal's actor. It logs to log from its own goroutine. It
// hears nothing before Follow.
func Props(log *slog.Logger) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &journal{log: log} })
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

type journal struct{ log *slog.Logger }

// Receive implements actor.Actor.
func (j *journal) Receive(c actor.Context) {
	switch m := c.Message().(type) {
	case messages.Event:
		j.log.LogAttrs(context.Background(), m.Level(), m.Text(), m.Attrs()...) //nolint:sloglint // Each event has its own constant text.
	case *actor.SupervisorEvent:
		j.supervision(m)
	}
}

// supervision logs the decision about a failed actor. What an actor panics
// with may hold anything, so only its type is shown; a server's exit has an
// event of its own.
func (j *journal) supervision(e *actor.SupervisorEvent) {
	j.log.LogAttrs(context.Background(), slog.LevelWarn, "actor failed",
		slog.String("actor", e.Child.Id), slog.String("directive", e.Directive.String()), slog.String("type", fmt.Sprintf("%T", e.Reason)))
}
