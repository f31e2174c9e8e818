package supervisor

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// suspectAfter is at how many crashes of its server a tool must have run to
// be a suspect. Once may be chance.
const suspectAfter = 2

// maxSuspected limits the tools that are counted: their names come from
// agents.
const maxSuspected = 1000

// suspects counts at how many crashes of a server each tool was running.
type suspects struct{ crashes map[string]int }

// note counts a crash and returns the tools that have become suspects by it, in
// order.
func (s *suspects) note(tools []string) (fresh []string) {
	if s.crashes == nil {
		s.crashes = map[string]int{}
	}
	for _, tool := range tools {
		if _, known := s.crashes[tool]; !known && len(s.crashes) >= maxSuspected {
			continue
		}
		s.crashes[tool]++
		if s.crashes[tool] == suspectAfter {
			fresh = append(fresh, tool)
		}
	}
	slices.Sort(fresh)
	return fresh
}

// suspected is what an owner before has left.
func suspected(names []string) suspects {
	s := suspects{crashes: map[string]int{}}
	for _, name := range names[:min(len(names), maxSuspected)] {
		s.crashes[name] = suspectAfter
	}
	return s
}

// names are all suspects, in order.
func (s *suspects) names() []string {
	all := maps.Clone(s.crashes)
	maps.DeleteFunc(all, func(_ string, crashes int) bool { return crashes < suspectAfter })
	return slices.Sorted(maps.Keys(all))
}

// suspect notes which tools ran at a failure, and names those that had run at
// one before.
func (k *child) suspect(sys *actor.ActorSystem, exit *endpoint.Exit) {
	fresh := k.suspects.note(exit.Calls.Tools)
	if len(fresh) == 0 {
		return
	}
	k.plan().Cell.PublishSuspects(k.suspects.names())
	for _, tool := range fresh {
		sys.EventStream.Publish(messages.ServerSuspected{Server: exit.Server, Run: exit.Run, Tool: tool})
	}
}
