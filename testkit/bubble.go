package testkit

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// World is an actor system inside a synctest bubble.
type World struct {
	System *actor.ActorSystem
	Logs   *Logs // what the actor system logs

	t       *testing.T
	spawned []*actor.PID
	stops   []func()
}

// Bubble runs f in a synctest bubble with an actor system of its own, then
// stops what was spawned through the world and shuts the system down as the
// bubble needs it. Time inside is fake: sleeping is exact and costs nothing.
func Bubble(t *testing.T, f func(t *testing.T, w *World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.end()
		f(t, w)
	})
}

func newWorld(t *testing.T) *World {
	logs := &Logs{}
	sys := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(logs.Handler())
	}))
	return &World{System: sys, Logs: logs, t: t}
}

// Spawn starts an actor that is stopped at the end of the bubble.
func (w *World) Spawn(props *actor.Props) *actor.PID {
	pid := w.System.Root.Spawn(props)
	w.spawned = append(w.spawned, pid)
	return pid
}

// Probe starts a probe that is stopped at the end of the bubble.
func (w *World) Probe() *Probe {
	p := spawnProbe(w.System)
	w.spawned = append(w.spawned, p.PID)
	return p
}

// Events records the event stream until the end of the bubble.
func (w *World) Events() *Events {
	e, stop := subscribe(w.System)
	w.stops = append(w.stops, stop)
	return e
}

// Send tells an actor something from outside of any actor.
func (w *World) Send(to *actor.PID, message any) { w.System.Root.Send(to, message) }

// Sleep lets fake time pass and then waits until everything is idle again.
func (w *World) Sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// end stops the actors, last first, and lets the dead-letter throttle of the
// library, a goroutine of one second, run out.
func (w *World) end() {
	for _, pid := range slices.Backward(w.spawned) {
		if err := w.System.Root.StopFuture(pid).Wait(); err != nil {
			w.t.Errorf("actor %s did not stop: %v", pid.Id, err)
		}
	}
	for _, stop := range w.stops {
		stop()
	}
	w.System.Shutdown()
	time.Sleep(2 * time.Second)
	synctest.Wait()
}
