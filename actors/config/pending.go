package config

import (
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/resolve"
	"gatehouse/messages"
)

// pending is a change that waits for a look at the file system: the watcher
// reads files, and a goroutine of this actor looks at programs.
type pending struct {
	change    messages.ConfigChanged
	agreed    *messages.FleetChanged // instead of a change
	candidate *candidate             // instead of a change
	begun     time.Time
	lacks     lacks
}

// ofFile reports whether it is a change of this file.
func (p pending) ofFile(role messages.FileRole, path string) bool {
	return p.agreed == nil && p.candidate == nil && p.change.Role == role && p.change.Path == path
}

// lacks is what must be found out before a change can be decided.
type lacks struct {
	unread    []string                // files
	unchecked map[string]resolve.Spec // programs that may be the gateway's own, by fingerprint

	// All that the change depends on, so that nothing of it is forgotten while
	// the rest is found out.
	named        []string
	fingerprints []string
}

func (l lacks) some() bool { return len(l.unread)+len(l.unchecked) > 0 }

// changed tries a change, and those again that wait. One of the same file that
// still waits is out of date by now.
func (a *configActor) changed(c actor.Context, m messages.ConfigChanged) {
	change := pending{change: m, begun: time.Now()}
	changes := slices.DeleteFunc(slices.Clone(a.pending), func(p pending) bool { return p.ofFile(m.Role, m.Path) })
	if m.Role == messages.RoleServers || m.Role == messages.RoleRules {
		changes = append(changes, change)
	} else {
		changes = slices.Insert(changes, 0, change) // The others depend on it.
	}
	a.tryAll(c, changes)
}

// tryAll tries changes and keeps those that must wait, in their order.
func (a *configActor) tryAll(c actor.Context, changes []pending) {
	var waiting []pending
	for i, p := range changes {
		a.pending = slices.Concat(waiting, changes[i+1:]) // Should this one panic, it is lost, and no other.
		if p.lacks = a.try(c, p); p.lacks.some() {
			waiting = append(waiting, p)
		}
	}
	a.pending = waiting
	a.watch(c)
	a.check(c)
	a.settled(c)
}

// try works on a copy of the book: if that panics, what is in force stays.
func (a *configActor) try(c actor.Context, p pending) lacks {
	if p.agreed != nil || p.candidate != nil {
		return a.tryFleet(c, p)
	}
	trial := *a.book
	s := trial.change(p.change, p.begun)
	if s.lacks.some() {
		return s.lacks
	}
	*a.book = trial
	a.take(c, s, p.begun)
	return lacks{}
}

// watch tells the watcher which files matter, and which of them must be read
// now. What is known of all others, and of programs that nobody names any
// more, is forgotten.
func (a *configActor) watch(c actor.Context) {
	m := messages.WatchFiles{Role: messages.RoleDependency, Paths: a.book.named()}
	fingerprints := a.book.fingerprints()
	for _, p := range a.pending {
		m.Paths, m.Unread = append(m.Paths, p.lacks.named...), append(m.Unread, p.lacks.unread...)
		fingerprints = append(fingerprints, p.lacks.fingerprints...)
	}
	m.Paths, m.Unread = sorted(m.Paths), sorted(m.Unread)
	a.book.keep(m.Paths, fingerprints)
	if a.watcher == nil || a.watched != nil && slices.Equal(a.watched.Paths, m.Paths) && slices.Equal(a.watched.Unread, m.Unread) {
		return
	}
	a.watched = &m
	c.Send(a.watcher, m)
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// checked is the actor's own message: which programs are the gateway's own, by
// the fingerprint of their spec.
type checked struct{ own map[string]bool }

// IgnoreDeadLetterLogging keeps an answer that comes after the end out of the
// log.
func (checked) IgnoreDeadLetterLogging() {}

// check looks at the programs that pending changes name. Only a file system
// that hangs keeps the goroutine from ending soon; there is at most one.
func (a *configActor) check(c actor.Context) {
	specs := map[string]resolve.Spec{}
	for _, p := range a.pending {
		maps.Copy(specs, p.lacks.unchecked)
	}
	if a.checking || len(specs) == 0 {
		return
	}
	a.checking = true
	root, self, runsSelf := c.ActorSystem().Root, c.Self(), a.cfg.Sources.RunsSelf
	go func() { root.Send(self, checked{checkAll(specs, runsSelf)}) }()
}

// checked goes on with the changes that waited for this.
func (a *configActor) checked(c actor.Context, m checked) {
	a.checking = false
	a.book.checked(m.own)
	a.tryAll(c, a.pending)
}

func checkAll(specs map[string]resolve.Spec, runsSelf func(resolve.Spec) bool) map[string]bool {
	own := make(map[string]bool, len(specs))
	for fingerprint, spec := range specs {
		own[fingerprint] = runsSelf(spec)
	}
	return own
}
