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
	opening := s.stop != nil && s.session == nil
	if !s.awake() && !opening {
		return
	}
	if s.refresh.running || opening {
		s.refresh.again = true
		return
	}
	s.refresh.running = true
	root, self, due := c.ActorSystem().Root, c.Self(), refreshDue{s.run}
	time.AfterFunc(max(0, refreshGap-time.Since(s.refresh.last)), func() { root.Send(self, due) })
}

func (s *server) refreshDue(c actor.Context, m refreshDue) {
	if m.run != s.run || !s.awake() {
		return
	}
	s.refresh.last = time.Now()
	root, self, ctx, run, session, deps, plan := c.ActorSystem().Root, c.Self(), s.ctx, s.run, s.session, s.deps, s.plan()
	deps.Reapers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
		defer cancel()
		root.Send(self, listed{run: run, catalog: read(ctx, deps, plan, session)})
	})
}

// listed publishes what was read.
func (s *server) listed(c actor.Context, m listed) {
	if m.run != s.run || !s.awake() {
		return
	}
	plan := s.plan()
	catalog := keepTools(m.catalog, plan.Cell.Catalog())
	plan.Cell.PublishCatalog(catalog)
	publish(c, messages.ToolsListed{Server: plan.Entry.Name, Run: s.run, Tools: len(catalog.Tools), Err: catalog.Err})
	again := s.refresh.again
	s.refresh.running, s.refresh.again = false, false
	if again {
		s.askTools(c)
	}
}

// keepTools leaves the older list in force, be it of an earlier run, if the
// newer one could not be read.
func keepTools(next endpoint.Catalog, old *endpoint.Catalog) endpoint.Catalog {
	if next.Err != "" {
		next.Known, next.Tools = old.Known, old.Tools
	}
	return next
}
