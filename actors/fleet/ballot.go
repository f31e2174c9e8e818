package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse/internal/fleet"
	"gatehouse/messages"
)

// candidate has it found out whether this node can follow a new candidate.
func (f *member) candidate() {
	c := f.view.Candidate
	if c == nil || c.Candidate == f.judged && c.Same(f.asked) || f.cfg.Candidate == nil {
		return
	}
	if a := f.view.Active; a != nil && a.Candidate == c.Candidate {
		return // It was agreed on before this node came.
	}
	f.judged, f.asked, f.ack = c.Candidate, c, nil
	f.cfg.Candidate(messages.CandidateQuery{Content: c})
}

// judgement has the others know whether this node can follow a candidate.
func (f *member) judgement(m messages.CandidateReply) {
	if m.Candidate != f.judged {
		return // It is about an older one.
	}
	f.ack = &fleet.Ack{Node: f.node.ID, Candidate: m.Candidate, Problems: m.Problems, Digests: m.Digests}
	f.putAck()
}

// putAck has the store know what this node thinks of a candidate. With the next lease
// it begins again.
func (f *member) putAck() { f.put(&f.saysAck, f.writeAck) }

func (f *member) writeAck() func(context.Context) error {
	if f.lease == 0 || f.ack == nil {
		return nil
	}
	ack, lease, store := *f.ack, f.lease, f.cfg.Store
	return func(ctx context.Context) error { return store.Acknowledge(ctx, ack, lease) }
}

// cannotFollow is what the configuration's actor says of something that is in force
// everywhere else.
func (f *member) cannotFollow(m messages.CannotFollow) {
	f.cfg.Standing.lacks.Store(m.Generation)
	f.cfg.Log.Error("this gateway cannot follow what the fleet has agreed on, goes on with what it has, and leaves its servers to others",
		slog.Uint64("generation", m.Generation), slog.Any("problems", m.Problems))
	f.fallBehind()
}

// holdLapsed releases a server whose hold is over. Every node does, and one succeeds. A
// newer wish, which this node may not have seen yet, stays.
func (f *member) holdLapsed(m messages.HoldLapsed) {
	if now := f.view.Holds[m.Server]; f.unfit || !now.Held || now.Revision != m.Hold.Revision {
		return
	}
	over := fleet.Hold{Until: m.Hold.Until, Why: "the time of the hold is over", By: "the fleet"}
	store := f.cfg.Store
	go func() { // Ends by its time, or with the actor.
		ctx, cancel := context.WithTimeout(f.life, f.cfg.TTL)
		defer cancel()
		if _, err := store.EndHold(ctx, m.Server, m.Hold, over); err != nil && !errors.Is(err, fleet.ErrOvertaken) {
			f.root.Send(f.self, holdAgain{m})
		}
	}()
}

// holdAgain is the actor's own message: a release has failed.
type holdAgain struct{ over messages.HoldLapsed }

// IgnoreDeadLetterLogging keeps late news of a stopped actor out of the log.
func (holdAgain) IgnoreDeadLetterLogging() {}

// releaseLater tries again to release a server whose hold is over.
func (f *member) releaseLater(m holdAgain) { f.later(time.Second, m.over) }
