package config_test

import (
	"strings"
	"testing"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/trust"
	"gatehouse/messages"
	"gatehouse/testkit"
)

const (
	named      = `{"mcpServers": {"x": {"command": "${RUNNER:-node}", "envFile": ".env"}}}`
	otherRules = `{"agents": {"other": {"allow": {"servers": ["*"]}}}}`
)

// approval is what was approved of a project in /s: these contents.
func approval(servers, rules, dotenv string) trust.Project {
	hash := func(content string) string { return changed("", "", content).Hash }
	p := trust.Project{Dir: "/s", Files: []trust.File{
		{Role: trust.Servers, Path: serversFile, SHA256: hash(servers)}, {Role: trust.Rules, Path: rulesFile, SHA256: hash(rules)},
	}}
	if dotenv != "" {
		p.Files = append(p.Files, trust.File{Role: trust.Named, Path: "/s/.env", SHA256: hash(dotenv)})
	}
	return p
}

// record is the change of the record to these projects.
func record(projects ...trust.Project) messages.ConfigChanged {
	return changed(messages.RoleTrust, "/state/trust.json", string(trust.Record{Projects: projects}.Encode()))
}

// inProject plays with files of a project that were approved as they are.
func inProject(t *testing.T, f files, play func(t *testing.T, s *stage)) {
	t.Helper()
	p := approval(f[serversFile], f[rulesFile], f["/s/.env"])
	inOffice(t, f, func(src *configactor.Sources) { src.Approved = &p }, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		play(t, s)
	})
}

// keptBack changes a file, and fails unless nothing follows but a rejection that
// says how to approve it.
func (s *stage) keptBack(m messages.ConfigChanged) {
	s.t.Helper()
	s.Send(s.pid, m)
	r := s.report()
	if r.Outcome != messages.Rejected || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Hint+r.Problems[0].Message, "gatehouse trust /s") {
		s.t.Errorf("%s: got %s %v, want a rejection that names the command", m.Path, r.Outcome, r.Problems)
	}
	s.nothing()
}

func TestProject_aChangeThatNobodyApproved_waitsForApproval(t *testing.T) {
	inProject(t, withServers(plainServers), func(t *testing.T, s *stage) {
		s.keptBack(changed(messages.RoleServers, serversFile, `{"mcpServers": {"evil": {"command": "evil"}}}`))
		s.keptBack(changed(messages.RoleRules, rulesFile, otherRules))
		s.keptBack(changed(messages.RoleServers, serversFile, `{"mcpServers": {"new": {"command": "new"}}}`))
		s.Send(s.pid, record(approval(`{"mcpServers": {"new": {"command": "new"}}}`, otherRules, "")))
		s.inForce() // The rules.
		_ = s.report()
		if got, want := shape(s.inForce()), "drain plain, start new@3"; got != want {
			t.Errorf("once both are approved: got %s, want %s", got, want)
		}
		if got, want := s.snap.PolicyHash, changed("", "", otherRules).Hash; got != want {
			t.Errorf("rules: got %s, want %s", got, want)
		}
	})
}

// Approved rules never decide about servers that they were not approved with.
func TestProject_halfOfAnApprovedPair_waitsForTheOther(t *testing.T) {
	next := `{"mcpServers": {"new": {"command": "new"}}}`
	inProject(t, withServers(plainServers), func(t *testing.T, s *stage) {
		s.Send(s.pid, record(approval(next, otherRules, "")))
		testkit.ExpectNone(t, s.events)
		if r := s.change(messages.RoleRules, rulesFile, otherRules); r.Outcome != messages.Unchanged {
			t.Errorf("the rules alone: got %s, want %s", r.Outcome, messages.Unchanged)
		}
		s.nothing()
		s.keptBack(changed(messages.RoleServers, serversFile, `{"mcpServers": {"evil": {"command": "evil"}}}`))
		s.Send(s.pid, changed(messages.RoleServers, serversFile, next))
		s.inForce()
		_ = s.report()
		if got, want := shape(s.inForce()), "drain plain, start new@3"; got != want {
			t.Errorf("both: got %s, want %s", got, want)
		}
	})
}

func TestProject_aFileThatEntriesName_countsAsItWasApproved(t *testing.T) {
	f := withServers(named)
	f["/s/.env"] = "RUNNER=bun"
	inProject(t, f, func(t *testing.T, s *stage) {
		s.keptBack(changed(messages.RoleDependency, "/s/.env", "RUNNER=evil"))
		s.Send(s.pid, record(approval(named, someRules, "RUNNER=deno")))
		s.nothing()
		s.keptBack(changed(messages.RoleDependency, "/s/.env", "RUNNER=evil"))
		s.keptBack(changed(messages.RoleDependency, "/s/.env", "RUNNER=uv"))
		s.Send(s.pid, record(approval(named, someRules, "RUNNER=uv")))
		if d := s.inForce(); len(d.Start) != 1 || d.Start[0].Spec.Command != "uv" {
			t.Errorf("got %s, want it started by uv", shape(d))
		}
	})
}

func TestProject_aNewlyNamedFile_isUnreadableUntilItIsApproved(t *testing.T) {
	inProject(t, withServers(plainServers), func(t *testing.T, s *stage) {
		watcher := s.watching()
		s.told(watcher, "", "")
		s.Send(s.pid, record(approval(named, someRules, "")))
		s.Send(s.pid, changed(messages.RoleServers, serversFile, named))
		s.told(watcher, "/s/.env", "/s/.env")
		s.Send(s.pid, changed(messages.RoleDependency, "/s/.env", "RUNNER=evil"))
		if got, want := shape(s.inForce()), "drain plain, start x@2 misconfigured"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		_ = s.report()
		if r, _ := s.snap.Route("x"); !strings.Contains(r.Cell.Status().Reason, "gatehouse trust /s") {
			t.Errorf("got the reason %q, want it to name the command", r.Cell.Status().Reason)
		}
		s.Send(s.pid, record(approval(named, someRules, "RUNNER=evil")))
		if d := s.inForce(); len(d.Start) != 1 || d.Start[0].Spec.Command != "evil" {
			t.Errorf("approved: got %s, want it started", shape(d))
		}
	})
}

func TestProject_aFileOfSomewhereElse_needsNoApproval(t *testing.T) {
	servers := `{"mcpServers": {"x": {"command": "x", "args": ["${file:/home/me/token}"]}}}`
	f := withServers(servers)
	f["/home/me/token"] = "one"
	inProject(t, f, func(t *testing.T, s *stage) {
		d, _ := s.apply(messages.RoleDependency, "/home/me/token", "two")
		if got, want := shape(d), "drain x, start x@2"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestProject_revokedOrUnreadableRecord_leavesWhatIsInForce(t *testing.T) {
	for name, m := range map[string]messages.ConfigChanged{
		"revoked":          record(),
		"cannot be read":   {Role: messages.RoleTrust, Path: "/state/trust.json", Err: "cannot read it", Reason: "it may not be read"},
		"refused":          {Role: messages.RoleTrust, Path: "/state/trust.json", Hash: "aa", Reason: "its mode is 0666"},
		"makes no sense":   changed(messages.RoleTrust, "/state/trust.json", "{}"),
		"of other folders": record(trust.Project{Dir: "/other", Files: approval(named, otherRules, "").Files}),
	} {
		t.Run(name, func(t *testing.T) {
			inProject(t, withServers(plainServers), func(t *testing.T, s *stage) {
				s.Send(s.pid, m)
				s.nothing()
				s.Send(s.pid, changed(messages.RoleServers, serversFile, named))
				s.nothing()
				s.Send(s.pid, changed(messages.RoleServers, serversFile, plainServers))
				s.nothing()
				if got := s.view.Load().Generation; got != 1 {
					t.Errorf("generation: got %d, want 1", got)
				}
			})
		})
	}
}

func TestLoad_whatWasNotApproved_isNotUsed(t *testing.T) {
	approved := approval(named, someRules, "RUNNER=bun")
	src := configactor.Sources{ServersFile: serversFile, RulesFile: rulesFile, ReachesSelf: noURL, RunsSelf: noProgram, Approved: &approved}
	src.Env.FileDir = "/s"
	for name, f := range map[string]files{
		"other servers": {serversFile: plainServers, rulesFile: someRules, "/s/.env": "RUNNER=bun"},
		"other rules":   {serversFile: named, rulesFile: otherRules, "/s/.env": "RUNNER=bun"},
	} {
		if _, problems := configactor.Load(src, f.read); !jsondoc.HasErrors(problems) {
			t.Errorf("%s: got %v, want an error", name, problems)
		}
	}
	l, problems := configactor.Load(src, files{serversFile: named, rulesFile: someRules, "/s/.env": "RUNNER=evil"}.read)
	if bad := src.Misconfigured(l); jsondoc.HasErrors(problems) || len(bad) != 1 || !strings.Contains(bad[0].Message, "gatehouse trust /s") {
		t.Errorf("another env file: got %v and %v, want the server misconfigured and the command named", problems, bad)
	}
}
