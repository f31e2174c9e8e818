package supervisor

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// The instances of an entry are children of the supervisor like any server. The
// child that stands for the entry itself has no actor, and owns none of their
// histories.

// find returns the child that runs in a cell, if it is one of those that should
// run.
func (s *supervisor) find(name string, cell *endpoint.Cell) (*child, bool) {
	k, ok := s.current[name]
	if !ok {
		return nil, false
	}
	if k.plan().Cell == cell {
		return k, true
	}
	k, ok = k.instances[cell]
	return k, ok
}

// begun returns the child of a cell that a call wants to run: that of an instance
// is made by the first call.
func (s *supervisor) begun(c actor.Context, name string, cell *endpoint.Cell) (*child, bool) {
	if k, ok := s.find(name, cell); ok || cell.Instance() == nil {
		return k, ok
	}
	entry, ok := s.current[name]
	if !ok || entry.plan().Cell != cell.Instance().Of || s.stopping {
		return nil, false // The entry's cell is closed, and with it this one.
	}
	k := newChild(s.planFor(entry, cell))
	if !s.settle(c, k) {
		cell.Close()
		cell.Instance().Of.Instances().Forget(cell)
		return nil, false
	}
	entry.instances[cell] = k
	s.endInTime(c, k)
	return k, true
}

// planFor is the plan of one of an entry's instances.
func (s *supervisor) planFor(entry *child, cell *endpoint.Cell) messages.ServerPlan {
	p := entry.plan().For(cell)
	if cell.Instance().Session != "" && p.Entry.Settings.IdleStop == 0 {
		p.Entry.Settings.IdleStop = s.cfg.SessionIdle
	}
	return p
}

// endInTime has an instance end when the session does that it is for, or when it has
// to give way.
func (s *supervisor) endInTime(c actor.Context, k *child) {
	p, ended := k.plan(), (<-chan struct{})(nil)
	if client := p.Cell.Client(); client != nil {
		ended = client.Ended()
	}
	root, self, end := c.ActorSystem().Root, c.Self(), messages.EndInstance{Name: p.Entry.Name, Cell: p.Cell}
	go func() { // Ends with the session or the instance.
		select {
		case <-ended:
		case <-p.Cell.Instance().GivesWay:
			end.Timeout = p.Entry.Settings.DrainTimeout
		case <-k.gone:
			return
		}
		root.Send(self, end)
	}()
}

// spawn starts the actor of a child. Of an instance that has ended a moment ago
// there may still be one of the same name.
func (s *supervisor) spawn(c actor.Context, k *child, props *actor.Props) bool {
	p := k.plan()
	name := fmt.Sprintf("%s@%d", p.Name(), p.Serial)
	pid, err := c.SpawnNamed(props, name)
	for n := 2; err != nil && p.Instance != "" && n <= maxNamesakes; n++ {
		pid, err = c.SpawnNamed(props, fmt.Sprintf("%s.%d", name, n))
	}
	if err != nil {
		s.cfg.Log.Error("cannot spawn server actor", slog.String("server", p.Name()), slog.Any("err", err))
		p.Cell.Move(endpoint.GivenUp, time.Now(), func(next *endpoint.Status) { next.Reason = "internal: its actor could not be spawned" })
		return false
	}
	k.pid = pid
	s.running[pid.Id] = k
	return true
}

// maxNamesakes is how many instances of one agent may be ending beside another.
const maxNamesakes = 1000

// keepInstances brings new settings to the instances of an entry.
func (s *supervisor) keepInstances(c actor.Context, entry *child) {
	for cell, k := range entry.instances {
		k.setPlan(s.planFor(entry, cell))
		if s.settle(c, k); k.pid != nil {
			c.Send(k.pid, messages.SettingsChanged{})
		}
	}
}

// endInstance ends one that nobody needs any more.
func (s *supervisor) endInstance(c actor.Context, m messages.EndInstance) {
	m.Cell.Close()
	if k, ok := s.find(m.Name, m.Cell); ok && m.Cell.Instance() != nil {
		s.drainInstance(c, k, m.Timeout)
	}
}

// forgetInstance makes room for another instance where the child was one.
func (s *supervisor) forgetInstance(k *child) {
	p := k.plan()
	in := p.Cell.Instance()
	if in == nil {
		return
	}
	in.Of.Instances().Forget(p.Cell)
	if entry, current := s.current[p.Entry.Name]; current && entry.instances[p.Cell] == k {
		delete(entry.instances, p.Cell)
	}
}

func (s *supervisor) drainInstance(c actor.Context, k *child, timeout time.Duration) {
	p := k.plan()
	if entry, ok := s.current[p.Entry.Name]; ok {
		delete(entry.instances, p.Cell)
	}
	s.drainChild(c, k, timeout)
}

// unneeded reports whether an instance that has failed is not worth another try:
// nobody has wanted it for as long as an idle one is kept.
func (k *child) unneeded(now time.Time) bool {
	p := k.plan()
	keep := p.Entry.Settings.IdleStop
	return p.Instance != "" && keep > 0 && p.Cell.InFlight() == 0 && now.Sub(k.wanted) >= keep
}
