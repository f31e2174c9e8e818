package config

import (
	"maps"
	"slices"
	"time"

	"gatehouse/internal/endpoint"
	"gatehouse/internal/identity"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/redact"
	"gatehouse/internal/resolve"
	"gatehouse/internal/serversfile"
	"gatehouse/internal/snapshot"
	"gatehouse/messages"
)

// book is what is in force. Its methods have no effects but on itself.
type book struct {
	src        Sources
	generation uint64
	// serial counts what was accepted here. Without a fleet it is the generation; in a
	// fleet that is the store's, and what follows from other values of variables than
	// before has the same one.
	serial   uint64
	fleet    *wishes // nil without a fleet, and before it has agreed on anything
	loaded   Loaded
	plans    map[string]messages.ServerPlan
	holds    map[string]hold // by server, whether it is in the files or not
	holdSeq  uint64
	rejected []string // the files whose latest content was rejected
}

// step is what follows from one change: a report, and for an accepted one a
// snapshot and what changes for the supervisor. A change that lacks something
// leads to neither: it must be tried again.
type step struct {
	report   messages.ConfigReloaded // without an Outcome there is nothing to report
	snapshot *snapshot.Snapshot
	diff     messages.ApplyDiff
	lifts    []messages.LiftBlocks
	ends     []messages.EndInstance
	lacks    lacks // what must be found out first
	begun    time.Time
	inForce  InForce // what to show once the snapshot is replaced
	// unreadable is why the file cannot be read; empty if it was, or is gone.
	unreadable string
}

func newBook(src Sources) *book {
	return &book{src: src, plans: map[string]messages.ServerPlan{}, holds: map[string]hold{}}
}

// first makes generation 1 of what was loaded at start.
func (b *book) first(l Loaded, now time.Time) step {
	report := messages.ConfigReloaded{Role: messages.RoleServers, File: b.src.ServersFile, Trigger: "start", Problems: l.Problems}
	return b.accept(l, report, now)
}

// change answers one changed file.
func (b *book) change(m messages.ConfigChanged, now time.Time) step {
	report := messages.ConfigReloaded{Role: m.Role, File: m.Path, Trigger: m.Trigger, Generation: b.generation}
	next, problems := b.src.with(b.loaded, m)
	report.Problems = problems
	if jsondoc.HasErrors(problems) {
		report.Outcome = messages.Rejected
		b.note(m.Path, true)
		return step{report: report, unreadable: unreadable(m)}
	}
	if m.Role == messages.RoleDependency && !slices.Contains(b.named(), m.Path) {
		b.loaded = next // It is there for a change that waits for it.
		return step{}
	}
	next = b.src.resolve(next)
	if lacks := next.lacks(); lacks.some() {
		return step{lacks: lacks}
	}
	report.Mended = slices.Contains(b.rejected, m.Path)
	b.note(m.Path, false)
	if next.sameBytes(b.loaded) && slices.EqualFunc(b.loaded.resolved, next.resolved, sameResolved) {
		b.loaded.named = next.named
		report.Outcome = messages.Unchanged
		return step{report: report}
	}
	return b.accept(next, report, now)
}

// note notes whether what was read of a file was rejected.
func (b *book) note(path string, rejected bool) {
	b.rejected = slices.DeleteFunc(slices.Clone(b.rejected), func(p string) bool { return p == path })
	if rejected {
		b.rejected = append(b.rejected, path)
	}
}

// named lists the files that the entries in force name.
func (b *book) named() []string { return resolve.Files(b.loaded.resolved) }

// fingerprints lists those of the specs in force.
func (b *book) fingerprints() []string { return fingerprints(b.loaded.resolved) }

func fingerprints(servers []resolve.Server) []string {
	list := make([]string, 0, len(servers))
	for _, r := range servers {
		list = append(list, r.Fingerprint)
	}
	return list
}

// lacks is what must be found out before l can be in force.
func (l Loaded) lacks() lacks {
	all := lacks{unread: resolve.Unread(l.resolved), named: resolve.Files(l.resolved), fingerprints: fingerprints(l.resolved)}
	if len(all.unread) == 0 { // Else the specs are not the last word.
		all.unchecked = l.unchecked()
	}
	return all
}

// checked takes over what was found out about programs.
func (b *book) checked(own map[string]bool) { b.loaded = b.loaded.checked(own) }

// keep drops what is known of files and specs that nobody names any more.
func (b *book) keep(paths, fingerprints []string) {
	b.loaded.named = kept(b.loaded.named, paths)
	b.loaded.own = kept(b.loaded.own, fingerprints)
}

// kept is a copy of the map with these keys only.
func kept[V any](m map[string]V, keys []string) map[string]V {
	left := make(map[string]V, len(keys))
	for _, k := range keys {
		if v, ok := m[k]; ok {
			left[k] = v
		}
	}
	return left
}

func sameResolved(a, b resolve.Server) bool {
	return a.Entry.Name == b.Entry.Name && a.Fingerprint == b.Fingerprint && a.Problem == b.Problem
}

// accept makes the next generation of changed files.
func (b *book) accept(next Loaded, report messages.ConfigReloaded, now time.Time) step {
	changes := resolve.Diff(b.loaded.resolved, next.resolved)
	report.Added, report.Removed, report.Changed, report.Updated = changes.Added, changes.Removed, changes.Changed, changes.Updated
	b.loaded = next
	return b.advance(report, nil, now)
}

// advance makes the next generation from what the book has by now. The renewed
// servers get a fresh cell though nothing about their entries has changed.
func (b *book) advance(report messages.ConfigReloaded, renewed []string, now time.Time) step {
	old := b.plans
	b.serial++
	if b.fleet == nil {
		b.generation = b.serial
	}
	b.plans = b.planAll(old, renewed, now)
	report.Outcome, report.Generation = messages.Applied, b.generation
	return step{report: report, snapshot: b.snapshot(now), diff: b.difference(old)}
}

// planAll carries over the cell of every server whose identity is unchanged and
// that is not renewed, and makes a new one for all others.
func (b *book) planAll(old map[string]messages.ServerPlan, renewed []string, now time.Time) map[string]messages.ServerPlan {
	plans := make(map[string]messages.ServerPlan, len(b.loaded.resolved))
	for _, r := range b.loaded.resolved {
		p := b.held(b.plan(r))
		was, ok := old[r.Entry.Name]
		if ok && was.Cell.Identity() == b.identity(r, p) && !slices.Contains(renewed, r.Entry.Name) {
			p.Cell, p.Generation, p.Serial = was.Cell, was.Generation, was.Serial
		} else {
			p.Generation, p.Serial = b.generation, b.serial
			p.Cell = b.newCell(was, r, p, now)
		}
		plans[r.Entry.Name] = p
	}
	return plans
}

func (b *book) plan(r resolve.Server) messages.ServerPlan {
	p := messages.ServerPlan{
		Entry: r.Entry, Spec: r.Spec, Redact: redact.New(r.Secrets).With(b.src.Live),
		Lazy: r.Entry.Settings.Start == serversfile.Lazy || r.Entry.Settings.Start == "" && b.src.Lazy,
	}
	switch {
	case r.Entry.Disabled:
		p.Unusable, p.Reason = endpoint.Disabled, "the entry says disabled"
	case r.Problem != "" && b.fleet != nil && elsewhere(r.Entry):
		p.Barred = r.Problem
		if r.Entry.Settings.Scope == serversfile.ScopeAgent {
			p.Spec.Scope = serversfile.ScopeAgent // Each agent's instance is elsewhere, too.
		}
	case r.Problem != "":
		p.Unusable, p.Reason = endpoint.Misconfigured, r.Problem
	case b.loaded.own[r.Fingerprint] || r.Spec.URL != "" && b.src.ReachesSelf(r.Spec.URL):
		p.Unusable, p.Reason = endpoint.Misconfigured, "this is the gateway itself"
	}
	return p
}

// elsewhere reports whether another gateway of the fleet may run a server for this one.
func elsewhere(e serversfile.Entry) bool {
	return e.RunsOnce() && e.Settings.Scope != serversfile.ScopeSession
}

// identity is what the cell of a plan stands for.
func (b *book) identity(r resolve.Server, p messages.ServerPlan) endpoint.Identity {
	return endpoint.Identity{
		Spec: r.Fingerprint, Unusable: p.Unusable, Reason: p.Reason, Barred: p.Barred,
		Once: b.fleet != nil && elsewhere(r.Entry),
	}
}

func firstStatus(p messages.ServerPlan, now time.Time) endpoint.Status {
	st := endpoint.Status{State: endpoint.Starting, Since: now, Reason: p.Reason}
	switch {
	case p.Unusable != "":
		st.State = p.Unusable
	case p.Lazy, p.Scoped():
		st.State = endpoint.Idle
	}
	return st
}

func (b *book) snapshot(now time.Time) *snapshot.Snapshot {
	routes := make([]*snapshot.Route, 0, len(b.plans))
	for _, p := range b.plans {
		routes = append(routes, &snapshot.Route{Entry: p.Entry, Cell: p.Cell, Redact: p.Redact})
	}
	s := snapshot.New(b.generation, now, policy.Compile(b.loaded.Rules), b.loaded.Rules.Hash, routes)
	s.Credentials = identity.Compile(b.loaded.Credentials)
	return s
}

// difference says what the supervisor must do, sorted by server.
func (b *book) difference(old map[string]messages.ServerPlan) messages.ApplyDiff {
	d := messages.ApplyDiff{Generation: b.generation}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		was := old[name]
		if now, ok := b.plans[name]; !ok || now.Cell != was.Cell {
			d.Drain = append(d.Drain, messages.DrainServer{Name: name, Cell: was.Cell, Timeout: was.Entry.Settings.DrainTimeout})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.plans)) {
		p := b.plans[name]
		if was, ok := old[name]; ok && was.Cell == p.Cell {
			d.Keep = append(d.Keep, p)
		} else {
			d.Start = append(d.Start, p)
		}
	}
	return d
}
