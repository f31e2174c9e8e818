package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
)

// newActorSystem makes an actor system that logs to the gateway's own log.
func newActorSystem(log *slog.Logger) *actor.ActorSystem {
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
			return slog.New(pidHandler{log.Handler()}).With(slog.String("component", "protoactor"))
		}),
		actor.WithDeadLetterThrottleCount(20),
	)
}

// pidHandler logs what the actor library says at level debug, except for
// errors: the journal says what it means to an operator. Of a process id it
// shows the name, and of a panic's value the type, unless it is a server's
// exit: the value could hold anything.
type pidHandler struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h pidHandler) Enabled(ctx context.Context, l slog.Level) bool {
	return h.Handler.Enabled(ctx, libraryLevel(l))
}

func libraryLevel(l slog.Level) slog.Level {
	if l >= slog.LevelError {
		return l
	}
	return min(l, slog.LevelDebug)
}

func (h pidHandler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, libraryLevel(r.Level), r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		switch v := a.Value.Any().(type) {
		case *actor.PID:
			a.Value = slog.StringValue(v.GetId())
		case *endpoint.Exit:
			a.Value = slog.StringValue(v.Reason)
		default:
			if a.Key == "reason" {
				a.Value = slog.StringValue(fmt.Sprintf("a panic with %T", v))
			}
		}
		out.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, out)
}

func (h pidHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return pidHandler{h.Handler.WithAttrs(attrs)}
}

func (h pidHandler) WithGroup(name string) slog.Handler { return pidHandler{h.Handler.WithGroup(name)} }
