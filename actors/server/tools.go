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

// listChanged hears of a change of another list than the tools.
type listChanged struct {
	ofRun
	list endpoint.List
}

// listChanged reads a list again that somebody has asked for before.
func (s *server) listChanged(c actor.Context, list endpoint.List) {
	if s.plan().Cell.Listed(list).Known {
		s.ask(c, list)
	}
}

// askAgain reads a list once the session is open: one that has changed since it
// was read, or is that of an earlier run.
func (s *server) askAgain(c actor.Context, list endpoint.List, plan messages.ServerPlan) {
	again := &s.run.refresh[list].again
	if *again || list != endpoint.Tools && plan.Cell.Listed(list).Known {
		*again = false
		s.ask(c, list)
	}
}

// ask reads a list again, now or as soon as it may: what a server announces
// while it is being opened may be newer than its first list.
func (s *server) ask(c actor.Context, list endpoint.List) {
	opening := s.run.opening()
	if !s.run.awake() && !opening {
		return
	}
	refresh := &s.run.refresh[list]
	if opening || refresh.running {
		refresh.again = true
		return
	}
	refresh.running = true
	root, self, due := c.ActorSystem().Root, c.Self(), refreshDue{ofRun(s.run.nr), list}
	time.AfterFunc(max(0, refreshGap-time.Since(refresh.last)), func() { root.Send(self, due) })
}

func (s *server) refreshDue(c actor.Context, list endpoint.List) {
	if !s.run.awake() {
		return
	}
	s.run.refresh[list].last = time.Now()
	root, self, deps, plan := c.ActorSystem().Root, c.Self(), s.deps, s.plan()
	ctx, run, session := s.run.ctx, ofRun(s.run.nr), s.run.session
	deps.Reapers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
		defer cancel()
		root.Send(self, listed{ofRun: run, list: list, catalog: readList(ctx, deps, plan, session, list)})
	})
}

// listed publishes what was read.
func (s *server) listed(c actor.Context, m listed) {
	if !s.run.awake() {
		return
	}
	plan := s.plan()
	catalog := keepTools(m.catalog, plan.Cell.Listed(m.list))
	plan.Cell.PublishList(m.list, catalog)
	s.deps.listed()
	if m.list == endpoint.Tools {
		publish(c, messages.ToolsListed{Server: plan.Name(), Run: s.run.nr, Tools: len(catalog.Tools), Err: catalog.Trouble()})
	}
	refresh := &s.run.refresh[m.list]
	again := refresh.again
	refresh.running, refresh.again = false, false
	if again {
		s.ask(c, m.list)
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
