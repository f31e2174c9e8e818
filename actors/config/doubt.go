package config

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/messages"
)

// Doubt is that the rules have changed and cannot be read: nobody knows whether
// those in force still hold.
type Doubt struct {
	Since time.Time
	// Reason is why they cannot be read, without their path.
	Reason string
}

// Doubt returns what is not known of the rules; nil if they are as they were
// read. It does not block.
func (v *View) Doubt() *Doubt {
	if v == nil {
		return nil
	}
	return v.doubt.Load()
}

// unreadable is why a file cannot be read that is there; empty for all others.
func unreadable(m messages.ConfigChanged) string {
	if m.Unreadable {
		return m.Reason
	}
	return ""
}

// judge notes what a decided change of a file means for the doubt.
func (a *configActor) judge(c actor.Context, role messages.FileRole, unreadable string) {
	switch {
	case role != messages.RoleRules:
	case unreadable != "":
		a.doubtful(c, unreadable)
	default:
		a.sure(c)
	}
}

// doubtful notes that the rules cannot be read; since is kept over further
// reasons.
func (a *configActor) doubtful(c actor.Context, reason string) {
	if a.cfg.View == nil {
		return
	}
	d := Doubt{Since: time.Now(), Reason: reason}
	if old := a.cfg.View.Doubt(); old != nil {
		d.Since = old.Since
	}
	if old := a.cfg.View.doubt.Swap(&d); old == nil {
		c.ActorSystem().EventStream.Publish(messages.RulesUnreadable{File: a.cfg.Sources.RulesFile, Reason: reason})
	}
}

// sure notes that the rules have been read, and that what follows is in force.
func (a *configActor) sure(c actor.Context) {
	if a.cfg.View == nil {
		return
	}
	if old := a.cfg.View.doubt.Swap(nil); old != nil {
		c.ActorSystem().EventStream.Publish(messages.RulesReadable{File: a.cfg.Sources.RulesFile, After: time.Since(old.Since)})
	}
}
