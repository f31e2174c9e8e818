package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// launch runs the one goroutine of a run: it opens the session, tells the
// actor, and stays until the session is over. The run's context ends the
// session whenever it was opened, so nothing is left behind if the actor is
// already gone.
func (s *server) launch(c actor.Context, plan messages.ServerPlan) {
	r, ctx, run, deps := s.run, s.run.ctx, s.run.nr, s.deps
	root, self, stream := c.ActorSystem().Root, c.Self(), c.ActorSystem().EventStream
	hooks, done := s.hooks(c, plan)
	r.report.publish = func(err error) { stream.Publish(messages.ServerCrashed{Exit: r.crash(err, plan), Stopped: true}) }
	deps.Reapers.Go(func() {
		defer done()
		begun := time.Now()
		session, catalog, err := open(ctx, deps, plan, r, hooks)
		root.Send(self, opened{ofRun: ofRun(run), session: session, catalog: catalog, err: err, elapsed: time.Since(begun)})
		if err != nil {
			return
		}
		stopClosing := context.AfterFunc(ctx, func() { session.Close(context.Cause(ctx)) })
		defer stopClosing()
		<-session.Done()
		if !r.report.ended(session) {
			root.Send(self, ended{ofRun: ofRun(run), err: session.Err()})
		}
	})
}

// open waits for its turn, then opens the session and reads the tools within the
// startup timeout.
func open(ctx context.Context, deps Deps, plan messages.ServerPlan, r *run, hooks Hooks) (endpoint.Session, endpoint.Catalog, error) {
	if plan.Spec.URL == "" { // Another start is all that a process could burden.
		turn, err := deps.Starts.Acquire(ctx, r.called)
		if err != nil {
			return nil, endpoint.Catalog{}, err
		}
		defer turn.End()
		hooks.Started = turn.Watch
	}
	timeout := plan.Entry.Settings.StartupTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, startupTimeout{timeout})
	defer cancel()
	session, err := deps.Open(ctx, plan, r.nr, hooks)
	if err != nil {
		return nil, endpoint.Catalog{}, startError(ctx, err, "")
	}
	catalog := read(ctx, deps, plan, session)
	if ctx.Err() != nil {
		session.Close(context.Cause(ctx))
		<-session.Done()
		return nil, endpoint.Catalog{}, startError(ctx, cmp.Or(session.Err(), context.Cause(ctx)), "it has not answered tools/list")
	}
	return session, catalog, nil
}

// read makes a catalog of what the session lists. A server that can't list
// its tools is still ready: its tools can be called by name.
func read(ctx context.Context, deps Deps, plan messages.ServerPlan, session endpoint.Session) endpoint.Catalog {
	return readList(ctx, deps, plan, session, endpoint.Tools)
}

func readList(ctx context.Context, deps Deps, plan messages.ServerPlan, session endpoint.Session, list endpoint.List) endpoint.Catalog {
	catalog := endpoint.Catalog{Known: true, Info: session.Info()}
	var err error
	if list == endpoint.Tools {
		catalog.Tools, catalog.TTL, err = deps.List(ctx, session)
	} else {
		catalog.Tools, catalog.TTL, err = deps.Read(ctx, session, list)
	}
	catalog.At = time.Now()
	if odd, ok := errors.AsType[*endpoint.OddList](err); ok {
		catalog.Warning = plan.Redact.String(odd.Error())
	} else if err != nil {
		catalog.Known, catalog.Err = false, plan.Redact.String(err.Error())
	}
	return catalog
}

type startupTimeout struct{ after time.Duration }

func (e startupTimeout) Error() string {
	return fmt.Sprintf("not ready within startup_timeout_ms (%d)", e.after.Milliseconds())
}

// startError names the startup timeout where that is what ended the start, with
// what the server said or, if it said nothing, what it has not done.
func startError(ctx context.Context, err error, undone string) error {
	timeout, timedOut := errors.AsType[startupTimeout](context.Cause(ctx))
	if !timedOut {
		return err
	}
	exit := endpoint.Exit{Phase: endpoint.Handshake, Reason: timeout.Error()}
	if cause, ok := errors.AsType[*endpoint.Exit](err); ok {
		exit.Stderr, exit.Said = cause.Stderr, cause.Said
	}
	if why := cmp.Or(exit.Said, undone); why != "" {
		exit.Reason += ": " + why
	}
	return &exit
}
