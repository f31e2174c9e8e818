package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/plural"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/messages"
)

// hold is an operator's word that a server shall not run.
type hold struct {
	seq   uint64    // tells a hold from an earlier one of the same server
	until time.Time // zero: until it is released
	why   string
}

// reason is what callers and operators read.
func (h hold) reason() string {
	text := "held by the operator until it is released"
	if !h.until.IsZero() {
		text = "held by the operator until " + h.until.Format("2006-01-02 15:04:05 MST")
	}
	if h.why != "" {
		text += ": " + h.why
	}
	return text
}

// act does what an operator asks. A step without a snapshot changes nothing;
// the reply says why.
func (b *book) act(m any, now time.Time) (step, messages.OperateReply) {
	switch m := m.(type) {
	case messages.RestartServer:
		return b.restart(m.Name, now)
	case messages.ReleaseServer:
		return b.release(m.Name, now)
	case messages.HoldServer:
		return b.hold(m, now)
	}
	return step{}, b.refuse("internal: no such action")
}

func (b *book) restart(name string, now time.Time) (step, messages.OperateReply) {
	p, ok := b.plans[name]
	if !ok {
		return step{}, b.unknown(name)
	}
	if p.Unusable == "" {
		return b.renew(name, messages.TriggerRestart, now)
	}
	if p.Unusable == endpoint.Held {
		return step{}, b.refuse("%q is %s: release it first", name, p.Reason)
	}
	return step{}, b.refuse("%q is %s (%s): fix its entry and reload", name, p.Unusable, p.Reason)
}

// release ends a hold, or ends the wait of a server that has failed. Of one that does well
// it ends the instances that have failed, and has the blocks lifted.
func (b *book) release(name string, now time.Time) (step, messages.OperateReply) {
	_, held := b.holds[name]
	p, ok := b.plans[name]
	switch {
	case !ok && !held:
		return step{}, b.unknown(name)
	case held:
		delete(b.holds, name)
		s, reply := b.renew(name, messages.TriggerRelease, now)
		reply.Note = b.released(name)
		return s, reply
	case p.Unusable != "":
		return step{}, b.refuse("%q is %s (%s): fix its entry and reload", name, p.Unusable, p.Reason)
	}
	if slices.Contains(stuck, p.Cell.Status().State) {
		return b.renew(name, messages.TriggerRelease, now)
	}
	s := step{ends: stuckInstances(p), lifts: blocksToLift(p, now)}
	return s, messages.OperateReply{Generation: b.generation, Note: eased(p, len(s.ends), blocksOf(p, now))}
}

// released says why a server does not start whose hold has ended; it is empty if it does.
func (b *book) released(name string) string {
	p, ok := b.plans[name]
	if !ok {
		return endpoint.ReleasedGone(name)
	}
	return p.Cell.Identity().Released(name)
}

// eased says what a release does for a server that goes on.
func eased(p messages.ServerPlan, ends, blocks int) string {
	name := p.Entry.Name
	var does []string
	if ends > 0 {
		does = append(does, fmt.Sprintf("%s of %q that had failed may start anew, with the next call", plural.Of(ends, "instance"), name))
	}
	if blocks > 0 {
		does = append(does, fmt.Sprintf("%q goes on, and refuses nobody's calls any more (%s lifted)", name, plural.Of(blocks, "block")))
	}
	if len(does) == 0 {
		return fmt.Sprintf("%q is %s: there was nothing to release", name, p.Cell.Status().State)
	}
	return strings.Join(does, "; ")
}

// blocksToLift is the command that lifts a server's blocks, if it has any.
func blocksToLift(p messages.ServerPlan, now time.Time) []messages.LiftBlocks {
	if blocksOf(p, now) == 0 {
		return nil
	}
	return []messages.LiftBlocks{{Name: p.Entry.Name, Cell: p.Cell}}
}

// blocksOf counts the callers that a server refuses, as their calls have ended it.
func blocksOf(p messages.ServerPlan, now time.Time) int {
	blocks := len(p.Cell.Guard().InForce(now))
	for _, cell := range p.Cell.Instances().List() {
		blocks += len(cell.Guard().InForce(now))
	}
	return blocks
}

// stuck are the states that release is for, besides a hold.
var stuck = []endpoint.State{endpoint.Quarantined, endpoint.NeedsAuth, endpoint.BackingOff, endpoint.Stopped}

// stuckInstances are those of a server's instances that release is for.
func stuckInstances(p messages.ServerPlan) (ends []messages.EndInstance) {
	for _, cell := range p.Cell.Instances().List() {
		if slices.Contains(stuck, cell.Status().State) {
			ends = append(ends, messages.EndInstance{Name: p.Entry.Name, Cell: cell, Timeout: p.Entry.Settings.DrainTimeout})
		}
	}
	return ends
}

func (b *book) hold(m messages.HoldServer, now time.Time) (step, messages.OperateReply) {
	if _, ok := b.plans[m.Name]; !ok {
		return step{}, b.unknown(m.Name)
	}
	if m.For < 0 {
		return step{}, b.refuse("cannot hold %q for %s: use more than 0, or leave it out", m.Name, m.For)
	}
	b.holdSeq++
	h := hold{seq: b.holdSeq, why: m.Why}
	if m.For > 0 {
		h.until = now.Add(m.For)
	}
	b.holds[m.Name] = h
	s, reply := b.renew(m.Name, messages.TriggerHold, now)
	reply.Note = h.reason()
	return s, reply
}

// holdOver ends a hold whose time is over, unless it was replaced or released
// meanwhile.
func (b *book) holdOver(name string, seq uint64, now time.Time) (step, bool) {
	if h, ok := b.holds[name]; !ok || h.seq != seq {
		return step{}, false
	}
	delete(b.holds, name)
	s, _ := b.renew(name, messages.TriggerHoldOver, now)
	return s, true
}

// renew makes a generation in which this server has a fresh cell, and all
// else is as it was. The files have no part in it.
func (b *book) renew(name, trigger string, now time.Time) (step, messages.OperateReply) {
	report := messages.ConfigReloaded{Role: messages.RoleOperator, Trigger: trigger}
	if _, ok := b.plans[name]; ok {
		report.Changed = []resolve.ChangedServer{{Name: name, Fields: []string{trigger}}}
	}
	s := b.advance(report, []string{name}, now)
	return s, messages.OperateReply{Generation: b.generation}
}

// held turns a plan into one that is not started while a hold lasts: the
// operator overrules the entry.
func (b *book) held(p messages.ServerPlan) messages.ServerPlan {
	if h, ok := b.holds[p.Entry.Name]; ok {
		p.Unusable, p.Reason = endpoint.Held, h.reason()
	}
	return p
}

// newCell makes the cell of a plan that cannot keep its old one. A server with
// the same spec as before, held or not, takes over its catalog and its counts.
func (b *book) newCell(was messages.ServerPlan, r resolve.Server, p messages.ServerPlan, now time.Time) *endpoint.Cell {
	first := firstStatus(p, now)
	if h, ok := b.holds[r.Entry.Name]; ok {
		first.RetryAt = h.until
	}
	var cell *endpoint.Cell
	switch {
	case was.Cell == nil:
		cell = endpoint.NewCell(r.Entry.Name, b.identity(r, p), first)
	case was.Cell.Identity().Spec == r.Fingerprint:
		cell = was.Cell.Successor(b.identity(r, p), first)
	default:
		cell = endpoint.NewCell(r.Entry.Name, b.identity(r, p), first)
		cell.Instead(was.Cell)
	}
	if p.Scoped() {
		secrets := r.Secrets
		cell.Split(func(agent string) *redact.Redactor {
			return redact.New(resolve.SecretsFor(secrets, agent)).With(b.src.Live)
		})
	}
	return cell
}

func (b *book) refuse(format string, args ...any) messages.OperateReply {
	return messages.OperateReply{Err: fmt.Sprintf(format, args...), Generation: b.generation}
}

func (b *book) unknown(name string) messages.OperateReply {
	names := slices.Sorted(maps.Keys(b.plans))
	reply := b.refuse("there is no server %q: there are %s", name, list(names))
	if len(names) == 0 {
		reply = b.refuse("there is no server %q, nor any other", name)
	}
	reply.Unknown = true
	return reply
}

// list quotes names and cuts what would be too much to read.
func list(names []string) string {
	const most = 50
	quoted := make([]string, 0, min(len(names), most))
	for _, n := range names[:min(len(names), most)] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - len(quoted); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
