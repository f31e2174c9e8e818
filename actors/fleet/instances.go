package fleet

import "gatehouse/internal/fleet"

// forAgent reports whether a key is that of an instance for an agent.
func forAgent(key string) bool {
	_, agent := fleet.SplitKey(key)
	return agent != ""
}

// Room reports whether an instance for an agent, by its key, runs in the fleet or may be
// claimed here: a gateway owns a bounded number of them.
func (s *Standing) Room(key string) bool {
	if s.agents.Load() < s.most {
		return true
	}
	_, here := s.Owned(key)
	_, there := s.View().Owners[key]
	return here || there
}

// mayInstance reports whether this node may claim one more instance for an agent. Those
// whose claims are under way count.
func (f *member) mayInstance() bool {
	n := f.cfg.Standing.agents.Load()
	for key := range f.claiming {
		if forAgent(key) {
			n++
		}
	}
	return n < f.cfg.Standing.most
}
