package remote

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
)

const (
	// openTimeout bounds an attempt to open a session and to read the tools.
	openTimeout = 30 * time.Second
	// firstRetry and lastRetry are how long it waits for another attempt.
	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
	// maxWakes is how often it tries to wake a server at its owner again.
	maxWakes = 5
)

// open begins an attempt to reach the server at its owner.
func (s *standIn) open(c actor.Context) {
	s.abandon()
	s.try++
	ctx, stop := context.WithCancel(s.life)
	s.stop = stop
	root, self, deps, plan, there, try, life := c.ActorSystem().Root, c.Self(), s.deps, s.plan(), s.there, ofTry(s.try), s.life
	tag := there.Record.Catalog
	if tag == s.read && plan.Cell.Catalog().Known {
		tag = ""
	}
	go func() { // Ends with the session; with the attempt, if it has none.
		timed, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		session, err := deps.Open(timed, plan, there)
		if err != nil {
			root.Send(self, opened{ofTry: try, err: err})
			return
		}
		m := opened{ofTry: try, session: session, tag: tag}
		if tag != "" {
			m.catalog = deps.catalog(timed, session, endpoint.Tools, plan.Redact.String)
		}
		root.Send(self, m)
		defer context.AfterFunc(life, func() { session.Close(endpoint.ErrStopped) })() // Nobody may have got it.
		if deps.Follow != nil {
			deps.Follow(ctx, session, plan.Cell.Notices())
		}
		<-session.Done()
		root.Send(self, ended{ofTry: try, err: session.Err()})
	}()
}

// opened has callers use a session that has been opened.
func (s *standIn) opened(c actor.Context, m opened) {
	if m.err != nil {
		s.trouble(c, m.err)
		return
	}
	cell := s.plan().Cell
	s.session, s.failed = m.session, 0
	if m.tag != "" {
		s.publish(endpoint.Tools, m.catalog)
		s.readNow(c, m.tag, m.catalog.Err)
	}
	if cell.Status().State == endpoint.Idle {
		s.move(endpoint.Stayed)
	} else {
		s.move(endpoint.Opened)
	}
	for list := range endpoint.List(endpoint.Lists) {
		if list != endpoint.Tools && cell.Listed(list).Known {
			s.list(c, list)
		}
	}
	if m.catalog.Err == "" && s.read != s.there.Record.Catalog {
		s.list(c, endpoint.Tools) // They have changed meanwhile.
	}
}

// trouble shows that the server cannot be reached at its owner, and has that tried again
// while the owner says that it is ready.
func (s *standIn) trouble(c actor.Context, err error) {
	s.abandon()
	switch {
	case s.there.Record.State == endpoint.Ready:
	case s.there.Record.State == endpoint.Idle && s.failed < maxWakes:
		s.retry(c) // It may not have heard that a call waits.
		return
	default:
		return // The owner says what becomes of it.
	}
	plan := s.plan()
	s.deps.Log.Debug("cannot reach a server at its owner", slog.String("server", plan.Name()), slog.String("node", s.there.Owner.Node), slog.Any("err", err))
	reason := plan.Redact.String(err.Error())
	plan.Cell.Move(endpoint.Moved, time.Now(), func(next *endpoint.Status) {
		next.Node, next.Reason = s.there.Owner.Node, reason
	})
	s.retry(c)
}

// retry begins another attempt after a while.
func (s *standIn) retry(c actor.Context) {
	delay := min(lastRetry, firstRetry<<min(s.failed, 10))
	s.failed++
	s.try++
	root, self, due := c.ActorSystem().Root, c.Self(), retryDue{ofTry(s.try)}
	s.timer = time.AfterFunc(delay, func() { root.Send(self, due) })
	s.stop = func() {}
}

// list reads a list again, and publishes it in any case.
func (s *standIn) list(c actor.Context, list endpoint.List) {
	plan := s.plan()
	if s.session == nil {
		catalog := *plan.Cell.Listed(list)
		catalog.Err = "the server is not reachable at the gateway that runs it"
		s.publish(list, catalog)
		return
	}
	tag := s.there.Record.Catalog
	if list == endpoint.Tools {
		s.asked = tag
	}
	root, self, deps, session, try := c.ActorSystem().Root, c.Self(), s.deps, s.session, ofTry(s.try)
	life := s.life
	go func() { // Ends with the actor, and by its time.
		ctx, cancel := context.WithTimeout(life, openTimeout)
		defer cancel()
		root.Send(self, listed{ofTry: try, list: list, tag: tag, catalog: deps.catalog(ctx, session, list, plan.Redact.String)})
	}()
}

func (s *standIn) listed(c actor.Context, m listed) {
	s.publish(m.list, m.catalog)
	if m.list == endpoint.Tools {
		s.readNow(c, m.tag, m.catalog.Err)
	}
}

// readNow notes by which tag the tools were read. If they could not be, they are read
// again: nothing else would have them read, as they have not changed.
func (s *standIn) readNow(c actor.Context, tag, trouble string) {
	if trouble == "" {
		s.read, s.asked, s.unlisted = tag, tag, 0
		return
	}
	delay := min(openTimeout, firstRetry<<min(s.unlisted, 10))
	s.unlisted++
	root, self, due := c.ActorSystem().Root, c.Self(), listDue{ofTry(s.try)}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(delay, func() { root.Send(self, due) })
}

func (s *standIn) publish(list endpoint.List, catalog endpoint.Catalog) {
	cell := s.plan().Cell
	if old := cell.Listed(list); catalog.Err != "" {
		catalog.Known, catalog.Kept, catalog.Tools = old.Known, old.Kept, old.Tools
	}
	cell.PublishList(list, catalog)
	if s.deps.Listed != nil {
		s.deps.Listed()
	}
}

// catalog is what a session lists.
func (d Deps) catalog(ctx context.Context, session endpoint.Session, list endpoint.List, redact func(string) string) endpoint.Catalog {
	catalog := endpoint.Catalog{Known: true, Info: session.Info()}
	var err error
	if list == endpoint.Tools {
		catalog.Tools, catalog.TTL, err = d.List(ctx, session)
	} else {
		catalog.Tools, catalog.TTL, err = d.Read(ctx, session, list)
	}
	catalog.At = time.Now()
	if odd, ok := errors.AsType[*endpoint.OddList](err); ok {
		catalog.Warning = redact(odd.Error())
	} else if err != nil {
		catalog.Known, catalog.Err = false, redact(err.Error())
	}
	return catalog
}
