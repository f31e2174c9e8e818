package supervisor

import (
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/blame"
	"gatehouse/internal/endpoint"
	"gatehouse/messages"
)

// longestTrial is how long suspects run one at a time at most: it slows down those
// who did nothing, too.
const longestTrial = time.Minute

// blame finds out whose calls ended the server, and has them refused from now on.
// A url server's end says little about the calls that it ran: the network may
// have been lost.
func (k *child) blame(exit *endpoint.Exit) blame.Verdict {
	plan := k.plan()
	if exit.Phase != endpoint.Serving || plan.Spec.URL != "" {
		return blame.Verdict{}
	}
	policy := plan.Entry.Settings.Restart
	v := k.book.Note(blame.Crash{At: exit.At, Calls: exit.Calls, Reason: exit.Reason, Killed: killed(exit.Reason)},
		blame.Terms{Block: policy.Quarantine, Trial: min(longestTrial, policy.Window)})
	plan.Cell.PublishGuard(v.Guard)
	return v
}

// killed reports whether a run ended by a signal that others send: a person, a
// script, or the system that ran out of memory.
func killed(reason string) bool {
	return slices.ContainsFunc([]string{"killed", "terminated", "interrupt", "hangup"}, func(name string) bool {
		return reason == "signal: "+name || strings.HasPrefix(reason, "signal: "+name+":")
	})
}

// tellBlocks says whom a crash has blocked.
func tellBlocks(sys *actor.ActorSystem, exit *endpoint.Exit, fresh []endpoint.Block) {
	for _, b := range fresh {
		sys.EventStream.Publish(messages.CallerBlocked{Server: exit.Server, Run: exit.Run, Block: b, For: b.Until.Sub(exit.At)})
	}
}

// lift forgets whose calls ended a server, and has none refused any more.
func (s *supervisor) lift(c actor.Context, m messages.LiftBlocks) {
	k, ok := s.find(m.Name, m.Cell)
	if !ok {
		return
	}
	for _, instance := range k.instances {
		s.lift(c, messages.LiftBlocks{Name: m.Name, Cell: instance.plan().Cell})
	}
	if k.plan().Scoped() {
		return
	}
	lifted := len(m.Cell.Guard().InForce(time.Now()))
	k.book = blame.Book{}
	m.Cell.PublishGuard(nil)
	publish(c, messages.BlocksLifted{Server: m.Name, Blocks: lifted})
}
