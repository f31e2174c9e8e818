package main

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/messages"
)

// shutdown stops everything in order, within the shutdown timeout: no new
// calls, drain for at most the given time, stop the servers in parallel, flush
// the audit log. closeHTTP may be nil.
func (a *app) shutdown(reason string, drain time.Duration, closeHTTP func(context.Context) error) error {
	a.ready.Store(false)
	a.event(messages.GatewayStopping{Reason: reason})
	a.attach.pause()
	ctx, cancel := context.WithTimeout(context.Background(), a.opts.shutdownTimeout)
	defer cancel()
	drain = min(drain, a.opts.shutdownTimeout-stopReserve)

	a.sys.Root.Stop(a.watcherPID)
	a.router.Stop()
	answered := make(chan error, 1)
	go func() { answered <- a.edge.Shutdown(ctx) }()
	err := a.stopServers(ctx, drain)
	if e := <-answered; err == nil {
		err = e
	}
	a.tasks.Close()
	a.attach.close()
	if closeHTTP != nil {
		if e := closeHTTP(ctx); err == nil {
			err = e
		}
	}
	if e := a.audit.Close(ctx); err == nil {
		err = e
	}
	a.tracing.Close(ctx)
	a.writeLearnt(ctx)
	a.event(messages.GatewayStopped{})
	a.operator.closeAdmin()
	a.operator.closeOps()
	a.stopActors()
	return err
}

// learntPatience is how long the end of the gateway waits for what servers have
// shown to be written: the next gateway only finds it out once more.
const learntPatience = time.Second

// writeLearnt has what was learnt of servers lately written.
func (a *app) writeLearnt(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, learntPatience)
	defer cancel()
	written := make(chan struct{})
	go func() { // Ends with the disk's answer, or with the process.
		a.toolbook.Wait()
		a.eras.Wait()
		a.keeping.work.Wait()
		close(written)
	}()
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// stopServers drains and stops every server and waits until their processes
// are gone.
func (a *app) stopServers(ctx context.Context, drain time.Duration) error {
	stopped := make(chan struct{})
	asker := a.sys.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			c.Request(a.supervisorPID, messages.StopServers{Drain: drain})
		case messages.ServersStopped:
			close(stopped)
		}
	}))
	defer a.sys.Root.Stop(asker)
	gone := make(chan struct{})
	go func() { // Ends with the last process; at the latest kill sees to that.
		<-stopped
		a.reapers.Wait()
		close(gone)
	}()
	deadline, _ := ctx.Deadline()
	late := time.NewTimer(time.Until(deadline) - killReserve)
	defer late.Stop()
	for {
		select {
		case <-gone:
			return nil
		case <-late.C:
			a.launcher.KillAll()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// killReserve is how long before the end of the shutdown timeout whatever is
// left is killed.
const killReserve = 500 * time.Millisecond

// stopActors ends what is left, the journal last: it logs what it was told.
func (a *app) stopActors() {
	for _, pid := range []*actor.PID{a.configPID, a.supervisorPID, a.gatewayPID} {
		a.sys.Root.Stop(pid)
	}
	_ = a.sys.Root.PoisonFuture(a.journal).Wait() // At most 10 s; nothing is left to do about an error.
	a.sys.Shutdown()
}
