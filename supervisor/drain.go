package supervisor

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// drain closes the server's cell and lets its calls end, at the latest after
// timeout. A server that has none is stopped at once.
func (s *supervisor) drain(c actor.Context, name string, cell *endpoint.Cell, timeout time.Duration) {
	cell.Close()
	k, ok := s.current[name]
	if !ok || k.plan().Cell != cell {
		return
	}
	delete(s.current, name)
	for _, instance := range k.instances {
		s.drainChild(c, instance, timeout)
	}
	s.drainChild(c, k, timeout)
}

func (s *supervisor) drainChild(c actor.Context, k *child, timeout time.Duration) {
	s.unwanted(c, k)
	if k.pid == nil {
		s.dropped(k)
		return
	}
	p := k.plan()
	k.draining = true
	k.stopTimer()
	p.Cell.Move(endpoint.Removed, time.Now(), nil)
	publish(c, messages.ServerDraining{Server: p.Name(), Generation: p.Generation, Serial: p.Serial, InFlight: p.Cell.InFlight()})
	root, self, due := c.ActorSystem().Root, c.Self(), drained{id: k.pid.Id}
	go func() { // Ends with the drain, at the latest after timeout.
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-p.Cell.IdleC():
		case <-timer.C:
		case <-k.hurry:
		}
		root.Send(self, due)
	}()
}

// dropped forgets a child that has no actor.
func (s *supervisor) dropped(k *child) {
	if k.draining {
		return
	}
	k.draining = true
	close(k.gone)
	p := k.plan()
	p.Cell.Move(endpoint.Removed, time.Now(), nil)
	p.Cell.Move(endpoint.Ended, time.Now(), nil)
	s.forgetInstance(k)
}

// drained stops the child's actor; with it end its process and the calls that
// still run.
func (s *supervisor) drained(c actor.Context, m drained) {
	if k, ok := s.running[m.id]; ok {
		c.Stop(k.pid)
	}
}

// stopAll drains every server for at most m.Drain, those included that drain
// already, and answers when all have ended.
func (s *supervisor) stopAll(c actor.Context, m messages.StopServers) {
	if s.stopping {
		return
	}
	s.stopping, s.asker = true, c.Sender()
	for name, k := range s.current {
		s.drain(c, name, k.plan().Cell, m.Drain)
	}
	for _, k := range s.running {
		hurry := k.hurry
		time.AfterFunc(m.Drain, func() { close(hurry) })
	}
	s.allStopped(c)
}

func (s *supervisor) allStopped(c actor.Context) {
	if s.asker != nil && len(s.running) == 0 {
		c.Send(s.asker, messages.ServersStopped{})
		s.asker = nil
	}
}
