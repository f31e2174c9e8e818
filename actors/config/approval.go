package config

import (
	"github.com/asynkron/protoactor-go/actor"

	"gatehouse/internal/jsondoc"
	"gatehouse/internal/trust"
	"gatehouse/messages"
)

// CodeNotApproved is the code of the problem that a project's file is not as
// its owner has approved it.
const CodeNotApproved = "not-approved"

// approvals lets through what the owner of a project has approved, and keeps
// back the rest until that is so. Its zero value lets everything through: the
// files are their owner's own.
type approvals struct {
	governs bool
	project trust.Project // without files if nothing is approved any more
	// pair is what was last seen of the servers and the rules file.
	pair map[messages.FileRole]seen
	// named are changes of files that entries name, kept back, by path.
	named map[string]messages.ConfigChanged
}

// seen is a file as it was seen last.
type seen struct {
	hash string
	kept *messages.ConfigChanged // nil if it was let through
}

// newApprovals takes what was loaded at start as seen.
func newApprovals(src Sources, first Loaded) approvals {
	if src.Approved == nil {
		return approvals{}
	}
	return approvals{
		governs: true, project: *src.Approved, named: map[string]messages.ConfigChanged{},
		pair: map[messages.FileRole]seen{
			messages.RoleServers: {hash: first.Hash(src.ServersFile)}, messages.RoleRules: {hash: first.Hash(src.RulesFile)},
		},
	}
}

// admit returns the changes to make now that this one has come. Servers and
// rules are let through together, when both are as approved: a pair that
// nobody has looked at never decides. A file that an entry names counts as
// unreadable until it is approved. refused says why m is kept back; it is empty
// if m waits for nothing but the other file of the pair.
func (a *approvals) admit(m messages.ConfigChanged) (now []messages.ConfigChanged, refused string) {
	switch m.Role {
	case messages.RoleServers, messages.RoleRules:
		if !a.governs {
			return []messages.ConfigChanged{m}, ""
		}
		if m.Err != "" {
			a.pair[m.Role] = seen{}
			return []messages.ConfigChanged{m}, ""
		}
		a.pair[m.Role] = seen{hash: m.Hash, kept: &m}
		if now = a.release(); len(now) == 0 {
			return nil, a.why(m)
		}
		return now, ""
	case messages.RoleDependency:
		if shown := a.shown(m); shown.Err != m.Err {
			a.named[m.Path] = m
			return []messages.ConfigChanged{shown}, ""
		}
		delete(a.named, m.Path)
	case messages.RoleEnv, messages.RoleKeyring, messages.RoleTrust, messages.RoleOperator:
	}
	return []messages.ConfigChanged{m}, ""
}

// release returns the kept pair if it is approved by now. Rules come first, as
// always.
func (a *approvals) release() []messages.ConfigChanged {
	roles := []messages.FileRole{messages.RoleRules, messages.RoleServers}
	for _, role := range roles {
		if hash := a.pair[role].hash; hash == "" || hash != a.project.Hash(trust.Role(role)) {
			return nil
		}
	}
	var now []messages.ConfigChanged
	for _, role := range roles {
		if s := a.pair[role]; s.kept != nil {
			now = append(now, *s.kept)
			a.pair[role] = seen{hash: s.hash}
		}
	}
	return now
}

// approved takes over a new record, and returns the kept changes that it
// approves. problem says why it cannot be used; then nothing new is approved.
func (a *approvals) approved(m messages.ConfigChanged) (now []messages.ConfigChanged, problem string) {
	dir := a.project.Dir
	record, err := trust.Parse(m.Content)
	switch {
	case m.Reason != "":
		problem = m.Reason
	case err != nil:
		problem = err.Error()
	}
	if problem != "" {
		record = trust.Record{}
	}
	a.project, _ = record.Project(dir)
	a.project.Dir = dir // Also if it was revoked: it goes on to govern its folder.
	for path, kept := range a.named {
		if a.project.Approves(path, kept.Hash) {
			now = append(now, kept)
			delete(a.named, path)
		}
	}
	return append(now, a.release()...), problem
}

// shown is a change of a file that an entry names, as far as it may be seen.
func (a *approvals) shown(m messages.ConfigChanged) messages.ConfigChanged {
	if a.governs {
		return onlyApproved(a.project, m)
	}
	return m
}

// onlyApproved is the change without its content if that was not approved.
func onlyApproved(p trust.Project, m messages.ConfigChanged) messages.ConfigChanged {
	if m.Err != "" || !p.Governs(m.Path) || p.Approves(m.Path, m.Hash) {
		return m
	}
	m.Content, m.Hash = nil, ""
	m.Reason = "it is not as its owner has approved it; look at it and run: " + trust.Command(p.Dir)
	m.Err = "cannot read " + m.Path + ": " + m.Reason
	return m
}

// why says why a servers or rules file is kept back.
func (a *approvals) why(m messages.ConfigChanged) string {
	switch {
	case len(a.project.Files) == 0:
		return "its approval was revoked"
	case m.Hash != a.project.Hash(trust.Role(m.Role)):
		return "it has changed since it was approved"
	}
	return ""
}

// notApproved is the report of a change that is kept back.
func (a *approvals) notApproved(m messages.ConfigChanged, why string) messages.ConfigReloaded {
	return messages.ConfigReloaded{
		Role: m.Role, File: m.Path, Trigger: m.Trigger, Outcome: messages.Rejected,
		Problems: []jsondoc.Problem{{
			File: m.Path, Code: CodeNotApproved, Severity: jsondoc.Error,
			Message: why + "; look at it and approve it: " + trust.Command(a.project.Dir),
			Hint:    "what was approved goes on in force until then",
		}},
	}
}

// heard takes a change from the watcher as far as it is approved.
func (a *configActor) heard(c actor.Context, m messages.ConfigChanged) {
	if m.Role == messages.RoleTrust {
		a.recorded(c, m)
		return
	}
	now, refused := a.approvals.admit(m)
	switch {
	case refused != "":
		a.refuse(c, a.approvals.notApproved(m, refused))
	case len(now) == 0: // The other file is about to come, or was refused itself.
		a.refuse(c, messages.ConfigReloaded{Role: m.Role, File: m.Path, Trigger: m.Trigger, Outcome: messages.Unchanged})
	}
	if len(now) == 0 {
		a.judge(c, m.Role, unreadable(m))
	}
	for _, change := range now {
		a.changed(c, change)
	}
}

// recorded goes on with changes that have been approved.
func (a *configActor) recorded(c actor.Context, m messages.ConfigChanged) {
	now, problem := a.approvals.approved(m)
	if problem != "" {
		a.refuse(c, a.approvals.notApproved(m, problem))
	}
	for _, change := range now {
		a.changed(c, change)
	}
}

// refuse reports a change that is not even tried.
func (a *configActor) refuse(c actor.Context, r messages.ConfigReloaded) {
	r.Generation = a.book.generation
	c.ActorSystem().EventStream.Publish(r)
}
