package testkit

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// Events records everything that is published on an actor system's event
// stream, dead letters and supervisor events included.
type Events struct{ *inbox }

// NewEvents subscribes to the stream until the end of the test.
func NewEvents(t testing.TB, sys *actor.ActorSystem) *Events {
	t.Helper()
	e, stop := subscribe(sys)
	t.Cleanup(stop)
	return e
}

func subscribe(sys *actor.ActorSystem) (*Events, func()) {
	e := &Events{newInbox()}
	sub := sys.EventStream.Subscribe(func(event any) { e.put(event) })
	return e, func() { sys.EventStream.Unsubscribe(sub) }
}
