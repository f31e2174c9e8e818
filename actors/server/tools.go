package server

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// A list of tools is read at most once in refreshGap, and given up after
// refreshTimeout.
const (
	refreshGap     = time.Second
	refreshTimeout = 30 * time.Second
)

// refresher remembers whether a reading of tools/list runs or is due, so that
// a server that announces changes in a flood costs one reading a second.
type refresher struct {
	running bool
	again   bool
	last    time.Time
}

// askTools reads the tools again, now or as soon as it may: what a server
// announces while it is being opened may be newer than its first list.
func (s *server) askTools(c actor.Context) {
	opening := s.run.opening()
	if !s.run.awake() && !opening {
		return
	}
	if opening || s.run.refresh.running {
		s.run.refresh.again = true
		return
	}
	s.run.refresh.running = true
	root, self, due := c.ActorSystem().Root, c.Self(), refreshDue{ofRun(s.run.nr)}
	time.AfterFunc(max(0, refreshGap-time.Since(s.run.refresh.last)), func() { root.Send(self, due) })
}

func (s *server) refreshDue(c actor.Context) {
	if !s.run.awake() {
		return
	}
	s.run.refresh.last = time.Now()
	root, self, deps, plan := c.ActorSystem().Root, c.Self(), s.deps, s.plan()
	ctx, run, session := s.run.ctx, ofRun(s.run.nr), s.run.session
	deps.Reapers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
		defer cancel()
		root.Send(self, listed{ofRun: run, catalog: read(ctx, deps, plan, session)})
	})
}

// listed publishes what was read.
func (s *server) listed(c actor.Context, m listed) {
	if !s.run.awake() {
		return
	}
	plan := s.plan()
	catalog := keepTools(m.catalog, plan.Cell.Catalog())
	plan.Cell.PublishCatalog(catalog)
	publish(c, messages.ToolsListed{Server: plan.Entry.Name, Run: s.run.nr, Tools: len(catalog.Tools), Err: catalog.Trouble()})
	again := s.run.refresh.again
	s.run.refresh.running, s.run.refresh.again = false, false
	if again {
		s.askTools(c)
	}
}

// keepTools leaves the older list in force, even one of an earlier run, if the
// newer one could not be read.
func keepTools(next endpoint.Catalog, old *endpoint.Catalog) endpoint.Catalog {
	if next.Err != "" {
		next.Known, next.Kept, next.Tools = old.Known, old.Kept, old.Tools
	}
	return next
}
