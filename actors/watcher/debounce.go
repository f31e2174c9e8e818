package watcher

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"gatehouse/messages"
)

// FileID names a watched file. The same path may be watched in two roles.
type FileID struct {
	Role messages.FileRole
	Path string
}

// Debouncer decides when files are read: once they have been quiet for Quiet,
// at the latest MaxWait after the first notice. Each file is on its own, save
// that a servers file waits for rules that are not settled.
//
// It is a value: its methods change nothing, they return the next one. The zero
// value reads at once.
type Debouncer struct {
	Quiet   time.Duration
	MaxWait time.Duration

	bursts []burst // in the order of their IDs
}

// burst is a row of notices of one file, none of them followed by a read yet.
type burst struct {
	id          FileID
	trigger     string
	first, last time.Time
}

// Due is a file to read now.
type Due struct {
	ID FileID
	// Trigger is what began the burst; an event counts more than a poll.
	Trigger string
	// Early means that the file is not settled, but another one can't wait
	// any longer: what is read may be half of a change, and an error means
	// nothing. The file will be due again.
	Early bool
}

// Notice says that a file may have changed.
func (d Debouncer) Notice(id FileID, trigger string, now time.Time) Debouncer {
	d.bursts = slices.Clone(d.bursts)
	at, found := slices.BinarySearchFunc(d.bursts, id, func(b burst, id FileID) int { return compareIDs(b.id, id) })
	if !found {
		d.bursts = slices.Insert(d.bursts, at, burst{id: id, trigger: trigger, first: now, last: now})
		return d
	}
	b := &d.bursts[at]
	b.last = now
	if trigger == messages.TriggerChange {
		b.trigger = trigger
	}
	return d
}

// Tick returns the files to read now, in the order in which to read them, and
// the state after that. Between two ticks nothing is due before Wake says so.
func (d Debouncer) Tick(now time.Time) (Debouncer, []Due) {
	var due []Due
	var left []burst
	hurried := slices.ContainsFunc(d.bursts, func(b burst) bool {
		return b.id.Role == messages.RoleServers && !d.due(b).After(now)
	})
	for _, b := range d.bursts {
		switch {
		case !d.due(b).After(now):
			due = append(due, Due{ID: b.id, Trigger: b.trigger})
		case hurried && b.id.Role == messages.RoleRules:
			due = append(due, Due{ID: b.id, Trigger: b.trigger, Early: true})
			left = append(left, b)
		default:
			left = append(left, b)
		}
	}
	d.bursts = left
	return d, due
}

// Wake is when the next Tick is needed; the zero time means never.
func (d Debouncer) Wake() time.Time {
	var at time.Time
	for _, b := range d.bursts {
		if due := d.due(b); at.IsZero() || due.Before(at) {
			at = due
		}
	}
	return at
}

// Keep forgets the bursts of all files but those that keep says.
func (d Debouncer) Keep(keep func(FileID) bool) Debouncer {
	d.bursts = slices.DeleteFunc(slices.Clone(d.bursts), func(b burst) bool { return !keep(b.id) })
	return d
}

// due is when a file has settled or, for a servers file, when the rules have
// as well, as far as it may wait for that.
func (d Debouncer) due(b burst) time.Time {
	at := d.settled(b)
	if b.id.Role != messages.RoleServers {
		return at
	}
	for _, other := range d.bursts {
		if other.id.Role == messages.RoleRules {
			at = latest(at, earliest(d.settled(other), b.first.Add(d.MaxWait)))
		}
	}
	return at
}

func (d Debouncer) settled(b burst) time.Time {
	return earliest(b.last.Add(d.Quiet), b.first.Add(d.MaxWait))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// compareIDs puts files that are due in the order in which to read them: what
// others depend on first, so that nothing is resolved, or opened, without what
// was written before it.
func compareIDs(a, b FileID) int {
	return cmp.Or(cmp.Compare(rank(a.Role), rank(b.Role)), strings.Compare(a.Path, b.Path))
}

func rank(r messages.FileRole) int {
	switch r {
	case messages.RoleTrust:
		return 0
	case messages.RoleEnv, messages.RoleKeyring:
		return 1
	case messages.RoleDependency:
		return 2
	case messages.RoleRules:
		return 3
	case messages.RoleServers:
		return 4
	case messages.RoleOperator: // No file has it.
	}
	return 5
}
