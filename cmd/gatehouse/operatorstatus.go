package main

import (
	"cmp"
	"os"
	"strings"
	"time"

	"gatehouse/actors/journal"
	"gatehouse/internal/admin"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/quota"
	"gatehouse/internal/snapshot"
	"gatehouse/messages"
)

// Status implements admin.Gateway.
func (o *operator) Status() admin.Status {
	now, snap, force := time.Now(), o.app.store.Load(), o.view.Load()
	audited, logged := o.app.audit.Stats(), o.app.opts.sink.Stats()
	st := admin.Status{
		Version: version(), PID: os.Getpid(), Instance: o.app.instance, Started: o.started,
		UptimeMS: now.Sub(o.started).Milliseconds(), Ready: o.app.ready.Load(),
		Transport: o.app.opts.transport, Address: o.address, Ops: o.ops.address(),
		Pinned: append([]string{}, o.app.opts.agents...), Clients: o.app.observed.clients.list(), Sessions: o.app.edge.Sessions(), NoticesLost: o.app.edge.Lost(),
		Generation: snap.Generation, GenerationSince: snap.Loaded, GenerationAgeMS: now.Sub(snap.Loaded).Milliseconds(),
		PolicyHash: snap.PolicyHash, RulesUnreadable: o.unreadable(), Files: o.filesInUse(force.Hashes), Reloads: []admin.Report{},
		Attach:     o.app.attach.status(o.app.opts),
		PassedOver: o.files.passedOver.status(),
		Servers:    []admin.ServerStatus{}, Draining: notNil(o.memory.Draining()), Holds: notNil(force.Holds),
		Audit: admin.Audit{
			Written: audited.Written, Lost: audited.Lost, Queued: audited.Queued,
			Failed: audited.Failed, Rotated: audited.Rotated, Err: audited.Err,
			Dropped: audited.Dropped, Young: audited.Young, Cut: audited.Cut, Summed: audited.Summarized,
		},
		Log: admin.Log(logged),
	}
	st.Fleet = o.app.fleet.status(now)
	st.StrayAnswers = o.app.edge.Strays()
	st.Limited, st.Rules = limitedOf(o.app.router.Refused()), admin.Rules(snap.Policy.Counts())
	if to := o.app.opts.auditOut; to != "" {
		s := audited.Shipped
		st.Audit.Out = &admin.AuditOut{To: to, Sent: s.Sent, Lost: s.Lost, Queued: s.Queued, Err: s.Err}
	}
	for _, r := range o.memory.Reloads() {
		st.Reloads = append(st.Reloads, remembered(r))
	}
	var running map[string]string
	st.Actors, running = o.app.actors.list()
	for _, name := range snap.Names() {
		r, _ := snap.Route(name)
		s := o.serverStatus(r, now)
		s.Actor = running[name]
		st.Servers = append(st.Servers, s)
		for _, in := range instancesOf(r) {
			s := o.serverStatus(in, now)
			s.Actor, s.Of = running[in.Entry.Name], name
			st.Servers = append(st.Servers, s)
		}
	}
	return st
}

// limitedOf lists whose calls exceeded their limits.
func limitedOf(refused []quota.Refused) []admin.Limited {
	list := []admin.Limited{}
	for _, r := range refused {
		list = append(list, admin.Limited{
			Agent: r.Agent, Credential: strings.Trim(r.Credential, "\x00"), Refused: r.Calls, Limit: r.Last.Limit.Path, At: r.At,
		})
	}
	return list
}

func (o *operator) filesInUse(hashes map[string]string) []admin.File {
	f := o.files
	files := []admin.File{
		{Role: string(messages.RoleServers), Path: f.servers.Path, Why: f.servers.Why, Hash: hashes[f.servers.Path]},
		{Role: string(messages.RoleRules), Path: f.rules.Path, Why: f.rules.Why, Hash: hashes[f.rules.Path]},
	}
	for _, env := range f.envFiles {
		if env.Optional && hashes[env.Path] == "" {
			continue // It is not there.
		}
		files = append(files, admin.File{Role: string(messages.RoleEnv), Path: env.Path, Why: env.Why, Hash: hashes[env.Path]})
	}
	if hash := hashes[f.keyring.Path]; hash != "" {
		files = append(files, admin.File{Role: string(messages.RoleKeyring), Path: f.keyring.Path, Why: f.keyring.Why, Hash: hash})
	}
	return files
}

func (o *operator) serverStatus(r *snapshot.Route, now time.Time) admin.ServerStatus {
	st, catalog := r.Cell.Status(), r.Cell.Catalog()
	s := admin.ServerStatus{
		Name: r.Entry.Name, State: string(st.State), Since: st.Since, Run: st.Run, PID: st.PID, Node: st.Node,
		Restarts: st.Restarts, InFlight: r.Cell.InFlight(), Waiting: r.Cell.Queued(), NextAttempt: timeOrNil(st.RetryAt),
		Suspects: r.Cell.Suspects(), Protocol: catalog.Info.ProtocolVersion,
	}
	for _, b := range r.Cell.Guard().InForce(now) {
		s.Blocks = append(s.Blocks, admin.Block{
			Agent: b.Agent, Origin: b.Origin, Tool: b.Tool, Until: b.Until, Crashes: b.Crashes, Reason: r.Redact.String(b.Reason),
		})
	}
	if st.State == endpoint.NeedsAuth && st.RetryAt.Before(now) {
		s.NextAttempt = nil // It is tried when a call comes.
	}
	n := o.app.observed.calls.Of(r.Entry.Name).Counts()
	s.Calls, s.Errors, s.ToolErrors, s.P50MS, s.P99MS = n.Calls, n.Errors, n.ToolErrors, milliseconds(n.P50), milliseconds(n.P99)
	s.LastGood = timeOrNil(n.LastGood)
	if st.State == endpoint.Ready {
		s.UptimeMS = now.Sub(st.Since).Milliseconds()
	} else {
		s.Reason = r.Redact.String(cmp.Or(o.app.fleet.waitOf(r.Entry.Name), st.Reason))
	}
	if f, ok := o.memory.Failure(r.Entry.Name); ok {
		s.LastError, s.LastErrorAt = r.Redact.String(f.Reason), &f.At
	}
	began, crashed := o.memory.Moments(r.Entry.Name)
	s.RunSince, s.LastCrash = timeOrNil(began), timeOrNil(crashed)
	s.Auth, s.Place = o.authStatus(r), r.Redact.String(r.Cell.Place())
	s.ToolsProblem = r.Redact.String(catalog.Trouble())
	s.ToolChanges, s.AccessChanges = o.toolChanges(r)
	if catalog.Known {
		n := len(catalog.Tools)
		s.Tools = &n
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// report is the JSON form of a reload's event.
func report(at time.Time, e messages.ConfigReloaded) admin.Report {
	return admin.Report{
		At: at, Role: string(e.Role), File: e.File, Trigger: e.Trigger, Outcome: string(e.Outcome), Generation: e.Generation,
		Added: notNil(e.Added), Removed: notNil(e.Removed), Changed: notNil(e.Changed), Updated: notNil(e.Updated),
		Problems: notNil(e.Problems), ElapsedMS: milliseconds(e.Elapsed),
	}
}

// remembered is the JSON form of a reload of the past.
func remembered(r journal.Reload) admin.Report {
	out := report(r.At, r.ConfigReloaded)
	out.LastGood = timeOrNil(r.Good)
	return out
}

// notNil makes an empty list show as [].
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
