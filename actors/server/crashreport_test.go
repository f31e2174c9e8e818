package server_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
	"gatehouse/testkit"
)

// A server that is found to hang while it drains fails its calls at once, so
// its actor is stopped; only then its process ends.
func TestServer_diesWhileItsActorIsStopped_isToldOf(t *testing.T) {
	var s *testkit.Session
	var processEnds chan struct{}
	inRig(t, func() script {
		processEnds = make(chan struct{})
		s = testkit.NewSession(1, func(ctx context.Context, _ endpoint.Request) (endpoint.Response, error) {
			<-processEnds
			return endpoint.Response{}, context.Cause(ctx)
		})
		return script{open: opens(s)}
	}, func(t *testing.T, r *rig) {
		testkit.Expect[messages.ServerReady](t, r.events)
		go func() { _, _ = s.Call(t.Context(), endpoint.Request{Method: "tools/call"}) }()
		synctest.Wait()
		s.Close(exit(endpoint.Serving, "hung"))
		if err := r.System.Root.StopFuture(r.pid).Wait(); err != nil {
			t.Fatal(err)
		}
		close(processEnds)
		stopAndWait(t, r)
		if e := testkit.Expect[messages.ServerCrashed](t, r.events); e.Exit.Reason != "hung" || e.Exit.Run != 1 || e.Exit.Server != "files" || !e.Stopped {
			t.Errorf("got %+v, want files in run 1, hung, of a stopped actor", e)
		}
	})
}

// A stop may hit any moment of a death.
func TestServer_diesWhenItsActorIsStopped_isToldOfOnce(t *testing.T) {
	for i := range 25 {
		var s *testkit.Session
		inRig(t, func() script {
			s = testkit.NewSession(1, testkit.Hangs)
			return script{open: opens(s), stays: true}
		}, func(t *testing.T, r *rig) {
			testkit.Expect[messages.ServerReady](t, r.events)
			var told atomic.Int64
			sub := r.System.EventStream.Subscribe(func(e any) {
				if _, ok := e.(messages.ServerCrashed); ok {
					told.Add(1)
				}
			})
			defer r.System.EventStream.Unsubscribe(sub)
			s.Close(exit(endpoint.Serving, "exit status 3"))
			for range i {
				runtime.Gosched()
			}
			stopAndWait(t, r)
			synctest.Wait()
			if n := told.Load(); n != 1 {
				t.Errorf("after %d yields: told of %d times, want 1", i, n)
			}
		})
	}
}
