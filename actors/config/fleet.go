package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/fleet"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/resolve"
	"gatehouse/internal/rulesfile"
	"gatehouse/messages"
)

// wishes are what a fleet has agreed on last, with the operators' wishes.
type wishes struct {
	content  *fleet.Content
	holds    map[string]fleet.Hold
	restarts map[string]fleet.Restart
}

// are reports whether a fleet has agreed on just that.
func (w *wishes) are(m messages.FleetChanged) bool {
	return w.content.Same(m.Content) && fleet.SameWishes(w.holds, m.Holds, w.restarts, m.Restarts)
}

// candidate is a question of the fleet that waits for its answer.
type candidate struct {
	content *fleet.Content
	asker   *actor.PID
}

// ofFleet tries what the fleet says or asks. Something older of the same kind that
// still waits is out of date by now.
func (a *configActor) ofFleet(c actor.Context, m any) {
	a.fleet = c.Sender()
	p := pending{begun: time.Now()}
	switch m := m.(type) {
	case messages.FleetChanged:
		p.agreed = &m
	case messages.CandidateQuery:
		p.candidate = &candidate{m.Content, c.Sender()}
	}
	others := slices.DeleteFunc(slices.Clone(a.pending), func(o pending) bool {
		return o.agreed != nil && p.agreed != nil || o.candidate != nil && p.candidate != nil
	})
	a.tryAll(c, append(others, p))
}

// tryFleet is try for what comes from the fleet.
func (a *configActor) tryFleet(c actor.Context, p pending) lacks {
	trial := *a.book
	if p.candidate != nil {
		reply, lacks := trial.judge(p.candidate.content)
		if !lacks.some() {
			c.Send(p.candidate.asker, reply)
		}
		return lacks
	}
	s := trial.agreed(*p.agreed, p.begun)
	if s.lacks.some() {
		return s.lacks
	}
	*a.book = trial
	if s.report.Outcome == messages.Rejected && a.fleet != nil {
		c.Send(a.fleet, messages.CannotFollow{Generation: p.agreed.Generation, Problems: texts(s.report.Problems)})
	}
	a.take(c, s, p.begun)
	a.watchHolds(c, p.agreed.Holds)
	return lacks{}
}

// watchHolds has the fleet hear when the time of a hold is over.
func (a *configActor) watchHolds(c actor.Context, holds map[string]fleet.Hold) {
	if a.fleet == nil {
		return
	}
	root, to := c.ActorSystem().Root, a.fleet
	for server, h := range holds {
		was := a.timed[server]
		if !h.Held || h.Until.IsZero() || was.Revision == h.Revision && was.Same(h) {
			continue
		}
		a.timed[server] = h
		over := messages.HoldLapsed{Server: server, Hold: h}
		time.AfterFunc(max(0, time.Until(h.Until)), func() { root.Send(to, over) })
	}
}

// agreed answers what the fleet has agreed on, as one step with the fleet's generation.
func (b *book) agreed(m messages.FleetChanged, now time.Time) step {
	if b.fleet != nil && m.Generation == b.generation && b.fleet.are(m) { // Generations begin again where a backup ends.
		return step{}
	}
	report := messages.ConfigReloaded{Role: messages.RoleServers, File: b.src.ServersFile, Trigger: messages.TriggerFleet, Generation: b.generation}
	next, problems := b.src.withContent(b.loaded, m.Content)
	report.Problems = problems
	if jsondoc.HasErrors(problems) {
		report.Outcome = messages.Rejected
		b.note(b.src.ServersFile, true)
		return step{report: report}
	}
	next = b.src.resolve(next)
	if lacks := next.lacks(); lacks.some() {
		return step{lacks: lacks}
	}
	report.Mended = slices.Contains(b.rejected, b.src.ServersFile)
	b.note(b.src.ServersFile, false)
	changes := resolve.Diff(b.loaded.resolved, next.resolved)
	report.Added, report.Removed, report.Changed, report.Updated = changes.Added, changes.Removed, changes.Changed, changes.Updated
	b.loaded = next
	renewed, eased := b.wishedBy(m, now)
	b.fleet, b.generation, b.holds = &wishes{m.Content, m.Holds, m.Restarts}, m.Generation, holdsOf(m.Holds, now)
	for _, name := range renewed {
		report.Changed = append(report.Changed, resolve.ChangedServer{Name: name, Fields: []string{messages.TriggerFleet}})
	}
	s := b.advance(report, renewed, now)
	s.lifts, s.ends = eased.lifts, eased.ends
	return s
}

// wishedBy lists the servers that get a fresh cell though their entries have not changed: an
// operator has held or restarted them, or released them where they had failed. What a release
// is for in servers that go on is in eased. Another wish may have the revision of one that a
// restored store has lost.
func (b *book) wishedBy(m messages.FleetChanged, now time.Time) (renewed []string, eased step) {
	if b.fleet == nil {
		return nil, step{} // Every cell is a fresh one.
	}
	for name, p := range b.plans {
		was, is := b.fleet.holds[name], m.Holds[name]
		wished := is.Revision != was.Revision || !is.Same(was)
		switch {
		case m.Restarts[name] != b.fleet.restarts[name],
			wished && (is.Held || was.Held || slices.Contains(stuck, p.Cell.Status().State)):
			renewed = append(renewed, name)
		case wished:
			eased.ends = append(eased.ends, stuckInstances(p)...)
			eased.lifts = append(eased.lifts, blocksToLift(p, now)...)
		}
	}
	return sorted(renewed), eased
}

// holdsOf are the fleet's holds whose time is not over.
func holdsOf(all map[string]fleet.Hold, now time.Time) map[string]hold {
	holds := map[string]hold{}
	for name, h := range all {
		if h.Held && (h.Until.IsZero() || now.Before(h.Until)) {
			holds[name] = hold{seq: uint64(max(0, h.Revision)), until: h.Until, why: h.Why}
		}
	}
	return holds
}

// judge answers whether this gateway could follow a candidate.
func (b *book) judge(c *fleet.Content) (messages.CandidateReply, lacks) {
	reply := messages.CandidateReply{Candidate: c.Candidate}
	next, problems := b.src.withContent(b.loaded, c)
	if jsondoc.HasErrors(problems) {
		reply.Problems = texts(problems)
		return reply, lacks{}
	}
	next = b.src.resolve(next)
	if lacks := next.lacks(); lacks.some() {
		return reply, lacks
	}
	if c.RulesOnly {
		return reply, lacks{} // What cannot be resolved here must not keep a rule from being in force.
	}
	reply.Problems = texts(b.src.Misconfigured(next))
	reply.Digests = map[string]string{}
	for _, r := range next.resolved {
		for variable, digest := range r.Digests(c.DigestKey) {
			reply.Digests[fleet.DigestName(r.Entry.Name, variable)] = digest
		}
	}
	return reply, lacks{}
}

// Check returns the problems of a configuration for a fleet that can be found without a
// replica: those of both files.
func (src Sources) Check(c *fleet.Content) []jsondoc.Problem {
	_, problems := src.withContent(Loaded{}, c)
	return problems
}

// withContent returns what would be loaded with both files of a fleet, and their
// problems. Without any content the files stay as they are.
func (src Sources) withContent(l Loaded, c *fleet.Content) (Loaded, []jsondoc.Problem) {
	if c == nil {
		return l, nil
	}
	next, problems := src.parse(l, contentOf(messages.RoleServers, src.ServersFile, c.Servers))
	next, more := src.parse(next, contentOf(messages.RoleRules, src.RulesFile, c.Rules))
	problems = append(problems, more...)
	if why := src.opens(l, next); why != "" && !jsondoc.HasErrors(problems) {
		problems = append(problems, rulesfile.NoCredentialLeft(src.RulesFile, why))
	}
	if !jsondoc.HasErrors(problems) {
		problems = append(problems, src.cross(next)...)
	}
	jsondoc.Sort(problems)
	return next, problems
}

func contentOf(role messages.FileRole, path string, content []byte) messages.ConfigChanged {
	sum := sha256.Sum256(content)
	return messages.ConfigChanged{
		Role: role, Path: path, Content: bytes.Clone(content), Hash: hex.EncodeToString(sum[:]), Trigger: messages.TriggerFleet,
	}
}

// texts are the problems that keep a gateway from following, for people: the errors
// if there are any, else all.
func texts(problems []jsondoc.Problem) []string {
	var errors, all []string
	for _, p := range problems {
		all = append(all, p.String())
		if p.Severity == jsondoc.Error {
			errors = append(errors, p.String())
		}
	}
	if len(errors) > 0 {
		return errors
	}
	return all
}
