package watcher_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"gatehouse/actors/watcher"
	"gatehouse/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is for what must happen; it does not say how fast.
const deadline = 60 * time.Second

// rig is a watcher actor and a target that notes what it gets.
type rig struct {
	sys     *actor.ActorSystem
	watcher *actor.PID
	target  *actor.PID
	got     chan any
}

// start starts a watcher with a target. Both end with the test.
func start(t *testing.T, cfg watcher.Config) *rig {
	t.Helper()
	r := &rig{got: make(chan any, 1000)}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return log }))
	r.target = r.sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case actor.SystemMessage, actor.AutoReceiveMessage:
		default:
			r.got <- m
		}
	}))
	cfg.Target, cfg.Log = r.target, log
	r.watcher = r.sys.Root.Spawn(watcher.Props(cfg))
	t.Cleanup(func() {
		r.stop(t, r.watcher)
		r.stop(t, r.target)
		r.sys.Shutdown()
	})
	if _, ok := r.next(t).(messages.WatcherReady); !ok {
		t.Fatal("the target is not told first that the watcher is ready")
	}
	return r
}

// stop returns when the actor has ended.
func (r *rig) stop(t *testing.T, pid *actor.PID) {
	t.Helper()
	ended := make(chan struct{})
	waiter := r.sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			c.Watch(pid)
			c.Stop(pid)
		case *actor.Terminated:
			c.Stop(c.Self())
		case *actor.Stopped:
			close(ended)
		}
	}))
	select {
	case <-ended:
	case <-time.After(deadline):
		t.Errorf("%s does not stop; neither does %s", pid.Id, waiter.Id)
	}
}

func (r *rig) tell(m any) { r.sys.Root.Send(r.watcher, m) }

func (r *rig) next(t *testing.T) any {
	t.Helper()
	select {
	case m := <-r.got:
		return m
	case <-time.After(deadline):
		t.Fatal("no message comes to the target")
		return nil
	}
}

// change is the next message, which must be a ConfigChanged.
func (r *rig) change(t *testing.T) messages.ConfigChanged {
	t.Helper()
	m := r.next(t)
	change, ok := m.(messages.ConfigChanged)
	if !ok {
		t.Fatalf("got %T, want a ConfigChanged", m)
	}
	return change
}
