package config_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	configactor "gatehouse/actors/config"
	"gatehouse/internal/endpoint"
	"gatehouse/internal/jsondoc"
	"gatehouse/internal/policy"
	"gatehouse/internal/resolve"
	"gatehouse/messages"
	"gatehouse/testkit"
)

const (
	serversFile = "/s/.mcp.json"
	rulesFile   = "/s/rules.json"
	envFile     = "/s/gateway.env"
	someRules   = `{"agents": {"a": {"allow": {"servers": ["*"]}}}}`
)

// files is what a config actor loads, by path: the three files, and those that
// entries refer to.
type files map[string]string

// inOffice plays with a config actor that has loaded the files, but for the
// first generation, which is on its way.
func inOffice(t *testing.T, f files, change func(*configactor.Sources), play func(t *testing.T, s *stage)) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, w *testkit.World) {
		s := &stage{World: w, t: t, gateway: w.Probe(), supervisor: w.Probe(), operator: w.Probe(), events: w.Events(), view: &configactor.View{}}
		src := configactor.Sources{
			ServersFile: serversFile, RulesFile: rulesFile, ReachesSelf: noURL, RunsSelf: noProgram,
			Env: resolve.Env{FileDir: "/s", ServersDir: "/state/servers", GOOS: "linux"},
		}
		if _, ok := f[envFile]; ok {
			src.EnvFiles = []string{envFile}
		}
		if change != nil {
			change(&src)
		}
		first, problems := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged {
			return f.read(role, path)
		})
		if jsondoc.HasErrors(problems) {
			t.Fatal(problems)
		}
		s.pid = w.Spawn(configactor.Props(configactor.Config{
			First: first, Sources: src, Gateway: s.gateway.PID,
			Supervisor: s.supervisor.PID, View: s.view, Log: slog.New(slog.DiscardHandler),
		}))
		play(t, s)
	})
}

// read is what the watcher says of a file.
func (f files) read(role messages.FileRole, path string) messages.ConfigChanged {
	if content, ok := f[path]; ok {
		return changed(role, path, content)
	}
	return messages.ConfigChanged{Role: role, Path: path, Err: "cannot read " + path + ": gone", Reason: "gone", Trigger: "change"}
}

func withServers(servers string) files { return files{serversFile: servers, rulesFile: someRules} }

// change changes a file and gives the report on it.
func (s *stage) change(role messages.FileRole, path, content string) messages.ConfigReloaded {
	s.t.Helper()
	s.Send(s.pid, changed(role, path, content))
	return s.report()
}

// report plays the gateway for what is on its way, and gives the next report.
func (s *stage) report() messages.ConfigReloaded {
	s.t.Helper()
	return testkit.Expect[messages.ConfigReloaded](s.t, s.events)
}

// nothing fails unless neither the gateway nor the supervisor heard anything.
func (s *stage) nothing() {
	s.t.Helper()
	testkit.ExpectNone(s.t, s.gateway)
	testkit.ExpectNone(s.t, s.supervisor)
}

// apply changes a file that is accepted and gives what follows.
func (s *stage) apply(role messages.FileRole, path, content string) (messages.ApplyDiff, messages.ConfigReloaded) {
	s.t.Helper()
	s.Send(s.pid, changed(role, path, content))
	d := s.inForce()
	return d, testkit.Expect[messages.ConfigReloaded](s.t, s.events)
}

// shape is a diff in words.
func shape(d messages.ApplyDiff) string {
	var words []string
	for _, x := range d.Drain {
		words = append(words, "drain "+x.Name)
	}
	for _, p := range d.Start {
		words = append(words, strings.TrimSpace(fmt.Sprintf("start %s@%d %s", p.Entry.Name, p.Serial, p.Unusable)))
	}
	for _, p := range d.Keep {
		words = append(words, fmt.Sprintf("keep %s@%d", p.Entry.Name, p.Serial))
	}
	return strings.Join(words, ", ")
}

func TestStart_makesGenerationOne(t *testing.T) {
	inOffice(t, withServers(`{"mcpServers": {"b": {"command": "b"}, "a": {"command": "a"}}}`), nil, func(t *testing.T, s *stage) {
		snap := testkit.Expect[messages.ReplaceSnapshot](t, s.gateway).Snapshot
		if snap.Generation != 1 || !slices.Equal(snap.Names(), []string{"a", "b"}) || snap.PolicyHash != changed("", "", someRules).Hash {
			t.Errorf("got snapshot %+v, want generation 1 with a, b and the hash of the rules", snap)
		}
		testkit.ExpectNone(t, s.supervisor) // Not before callers see the snapshot.
		testkit.ExpectNone(t, s.events)
		s.Send(s.pid, messages.SnapshotReplaced{Generation: 1})
		d := testkit.Expect[messages.ApplyDiff](t, s.supervisor)
		if got := shape(d); got != "start a@1, start b@1" || d.Generation != 1 {
			t.Errorf("got %s, want %q in generation 1", got, "start a@1, start b@1")
		}
		for _, p := range d.Start {
			r, _ := snap.Route(p.Entry.Name)
			if r.Cell != p.Cell {
				t.Errorf("callers and the supervisor have different cells of %s, want one", p.Entry.Name)
			}
		}
		r := testkit.Expect[messages.ConfigReloaded](t, s.events)
		if r.Outcome != messages.Applied || r.Generation != 1 || r.Trigger != "start" || !slices.Equal(r.Added, []string{"a", "b"}) {
			t.Errorf("got %+v, want generation 1, applied at the start, with a and b added", r)
		}
	})
}

func TestChange_whatItMeansForTheServers(t *testing.T) {
	const before = `{"mcpServers": {"files": {"command": "f", "args": ["1"]}, "other": {"command": "o"}}}`
	for _, c := range []struct {
		name, before, after, want string
	}{
		{
			"a comment makes a generation and touches nothing", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"]}, /* x */ "other": {"command": "o"}}}`,
			"keep files@1, keep other@1",
		},
		{
			"a changed argument", before, `{"mcpServers": {"files": {"command": "f", "args": ["2"]}, "other": {"command": "o"}}}`,
			"drain files, start files@2, keep other@1",
		},
		{
			"a description", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"], "description": "new"}, "other": {"command": "o"}}}`,
			"keep files@1, keep other@1",
		},
		{
			"settings", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"], "gateway": {"call_timeout_ms": 100, "restart": {"max_failures": 1}}}, "other": {"command": "o"}}}`,
			"keep files@1, keep other@1",
		},
		{
			"an added server", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"]}, "other": {"command": "o"}, "third": {"command": "t"}}}`,
			"start third@2, keep files@1, keep other@1",
		},
		{
			"a removed server", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"]}}}`,
			"drain other, keep files@1",
		},
		{
			"a renamed server", before, `{"mcpServers": {"FILES": {"command": "f", "args": ["1"]}, "other": {"command": "o"}}}`,
			"drain files, start FILES@2, keep other@1",
		},
		{"all removed", before, `{"mcpServers": {}}`, "drain files, drain other"},
		{
			"order alone", before, `{"mcpServers": {"other": {"command": "o"}, "files": {"command": "f", "args": ["1"]}}}`,
			"keep files@1, keep other@1",
		},
		{
			"disabled", before, `{"mcpServers": {"files": {"command": "f", "args": ["1"], "disabled": true}, "other": {"command": "o"}}}`,
			"drain files, start files@2 disabled, keep other@1",
		},
		{
			"misconfigured", before, `{"mcpServers": {"files": {"command": "${NOT_SET}"}, "other": {"command": "o"}}}`,
			"drain files, start files@2 misconfigured, keep other@1",
		},
		{
			"enabled again", `{"mcpServers": {"files": {"command": "f", "disabled": true}}}`, `{"mcpServers": {"files": {"command": "f"}}}`,
			"drain files, start files@2",
		},
		{
			"a disabled entry that changes stays as it is", `{"mcpServers": {"files": {"command": "f", "disabled": true}}}`, `{"mcpServers": {"files": {"command": "g", "disabled": true}}}`,
			"keep files@1",
		},
		{
			"mended", `{"mcpServers": {"files": {"command": "${NOT_SET}"}}}`, `{"mcpServers": {"files": {"command": "f"}}}`,
			"drain files, start files@2",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOffice(t, withServers(c.before), nil, func(t *testing.T, s *stage) {
				first := s.inForce()
				_ = s.report()
				d, r := s.apply(messages.RoleServers, serversFile, c.after)
				if got := shape(d); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if r.Outcome != messages.Applied || r.Generation != 2 {
					t.Errorf("got report %+v, want generation 2, applied", r)
				}
				cells := map[string]*endpoint.Cell{}
				for _, p := range first.Start {
					cells[p.Entry.Name] = p.Cell
				}
				for _, x := range d.Drain {
					if x.Cell != cells[x.Name] {
						t.Errorf("%s is drained by another cell than its own, want its own", x.Name)
					}
				}
				for _, p := range d.Keep {
					if p.Cell != cells[p.Entry.Name] {
						t.Errorf("%s goes on with another cell, want its own", p.Entry.Name)
					}
				}
				for _, p := range append(d.Start, d.Keep...) {
					if route, ok := s.snap.Route(p.Entry.Name); !ok || route.Cell != p.Cell {
						t.Errorf("%s: callers and the supervisor have different cells, want one", p.Entry.Name)
					}
				}
			})
		})
	}
}

func TestChange_sameBytesAndValues_isUnchanged(t *testing.T) {
	const servers = `{"mcpServers": {"files": {"command": "f"}}}`
	inOffice(t, withServers(servers), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		for _, r := range []messages.ConfigReloaded{s.change(messages.RoleServers, serversFile, servers), s.change(messages.RoleRules, rulesFile, someRules)} {
			if r.Outcome != messages.Unchanged || r.Generation != 1 {
				t.Errorf("got %+v, want unchanged in generation 1", r)
			}
		}
		s.nothing()
	})
}

func TestChange_withAnError_changesNothingAndSaysWhere(t *testing.T) {
	const good = `{"mcpServers": {"files": {"command": "f"}}}`
	unreadable := messages.ConfigChanged{Role: messages.RoleServers, Path: serversFile, Err: "no such file", Trigger: "change"}
	for _, c := range []struct {
		name     string
		change   messages.ConfigChanged
		fragment string
		line     int
	}{
		{"invalid JSON", changed(messages.RoleServers, serversFile, "{\n  oops"), "Invalid JSON", 2},
		{"neither command nor url", changed(messages.RoleServers, serversFile, "{\"mcpServers\":\n {\"x\": {}}}"), `must specify either "command"`, 2},
		{"a bad agent id", changed(messages.RoleRules, rulesFile, `{"agents": {"agent@invalid": {}}}`), "Validation error", 1},
		{"a missing file", unreadable, "no such file", 0},
		{"a file that is gone", files{}.read(messages.RoleServers, serversFile), "cannot read the file: gone", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOffice(t, withServers(good), nil, func(t *testing.T, s *stage) {
				s.inForce()
				_ = s.report()
				s.Send(s.pid, c.change)
				r := s.report()
				if r.Outcome != messages.Rejected || r.Generation != 1 || len(r.Problems) == 0 || r.Level() != slog.LevelError {
					t.Fatalf("got %+v, want rejected with problems as an error, and generation 1 still in force", r)
				}
				if p := r.Problems[0]; !strings.Contains(p.Message, c.fragment) || strings.Contains(p.Message, c.change.Path) || p.Line != c.line || p.File != c.change.Path {
					t.Errorf("got problem %+v, want %q in line %d of %s", p, c.fragment, c.line, c.change.Path)
				}
				s.nothing()
				// The good bytes again are no change, and said to be mended, once.
				content := map[string]string{serversFile: good, rulesFile: someRules}[c.change.Path]
				for _, mended := range []bool{true, false} {
					again := s.change(c.change.Role, c.change.Path, content)
					if again.Outcome != messages.Unchanged || again.Mended != mended {
						t.Errorf("the good bytes again: got %+v, want unchanged, and mended: %v", again, mended)
					}
					if want := (messages.ConfigMended{Role: c.change.Role, File: c.change.Path, Generation: 1}); mended {
						if e := testkit.Expect[messages.ConfigMended](t, s.events); e != want || e.Level() != slog.LevelInfo {
							t.Errorf("got %+v, want %+v as an info", e, want)
						}
					}
				}
				s.Send(s.pid, c.change)
				_ = s.report()
				// And a good change is one to the last good generation.
				d, r := s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"files": {"command": "f"}, "new": {"command": "n"}}}`)
				if got := shape(d); got != "start new@2, keep files@1" {
					t.Errorf("got %s, want %q", got, "start new@2, keep files@1")
				}
				if want := c.change.Role == messages.RoleServers; r.Mended != want {
					t.Errorf("got %+v, want mended: %v", r, want)
				}
			})
		})
	}
}

func TestNamedFile_change_restartsTheServersThatUseIt(t *testing.T) {
	f := withServers(`{"mcpServers": {"uses": {"command": "u", "env": {"TOKEN": "${file:token}"}}, "plain": {"command": "p"}}}`)
	f["/s/token"] = "first-secret"
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		for _, same := range []string{"first-secret", "first-secret\n"} {
			if r := s.change(messages.RoleDependency, "/s/token", same); r.Outcome != messages.Unchanged {
				t.Errorf("with the same value: got %s, want %s", r.Outcome, messages.Unchanged)
			}
		}
		d, r := s.apply(messages.RoleDependency, "/s/token", "second-secret")
		if got, want := shape(d), "drain uses, start uses@2, keep plain@1"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if len(r.Changed) != 1 || !slices.Equal(r.Changed[0].Fields, []string{"env"}) || !slices.Equal(r.Changed[0].Variables, []string{"file:token"}) {
			t.Errorf("got %+v, want uses with its env, by file:token", r.Changed)
		}
		if text := fmt.Sprint(r.Attrs(), r); strings.Contains(text, "-secret") {
			t.Errorf("the report must not hold a secret: %s", text)
		}
	})
}

func TestEnvFile_change_restartsTheServersThatUseIt(t *testing.T) {
	f := withServers(`{"mcpServers": {"uses": {"command": "u", "args": ["${MODE}"]}, "plain": {"command": "p"}}}`)
	f[envFile] = "MODE=slow\n"
	inOffice(t, f, nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		d, r := s.apply(messages.RoleEnv, envFile, "MODE=fast\n")
		if got := shape(d); got != "drain uses, start uses@2, keep plain@1" {
			t.Errorf("got %s, want %q", got, "drain uses, start uses@2, keep plain@1")
		}
		if d.Start[0].Spec.Args[0] != "fast" || r.Role != messages.RoleEnv {
			t.Errorf("got args %v, role %s, want args [fast], role %s", d.Start[0].Spec.Args, r.Role, messages.RoleEnv)
		}
		d, _ = s.apply(messages.RoleEnv, envFile, "OTHER=1\n")
		if got := shape(d); got != "drain uses, start uses@3 misconfigured, keep plain@1" {
			t.Errorf("without the variable: got %s", got)
		}
		if r, _ := s.snap.Route("uses"); r.Cell.Status().State != endpoint.Misconfigured || !strings.Contains(r.Cell.Status().Reason, "MODE") {
			t.Errorf("got %+v, want misconfigured because of MODE", r.Cell.Status())
		}
	})
}

func TestRules_change_touchesNoServer(t *testing.T) {
	inOffice(t, withServers(`{"mcpServers": {"files": {"command": "f"}}}`), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		d, r := s.apply(messages.RoleRules, rulesFile, `{"agents": {"b": {"allow": {"servers": ["files"]}}}}`)
		if got := shape(d); got != "keep files@1" || r.Role != messages.RoleRules || len(r.Problems) > 0 {
			t.Errorf("got %s, %+v, want keep files@1 by a change of the rules without problems", got, r)
		}
		if s.snap.Policy.Decide("a", "files", "").Allow || !s.snap.Policy.Decide("b", "files", "").Allow {
			t.Error("the new rules do not decide")
		}
	})
}

func TestRules_thatNameAnUnknownServer_areAWarningUntilItAppears(t *testing.T) {
	inOffice(t, withServers(`{"mcpServers": {"files": {"command": "f"}}}`), nil, func(t *testing.T, s *stage) {
		s.inForce()
		_ = s.report()
		_, r := s.apply(messages.RoleRules, rulesFile, `{"agents": {"a": {"allow": {"servers": ["files", "ghost"]}}}}`)
		if r.Outcome != messages.Applied || len(r.Problems) != 1 || r.Problems[0].Severity != jsondoc.Warning || !strings.Contains(r.Problems[0].Message, "ghost") {
			t.Errorf("got %+v, want applied with one warning about ghost", r)
		}
		_, r = s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"files": {"command": "f"}, "ghost": {"command": "g"}}}`)
		if len(r.Problems) != 0 || !slices.Equal(r.Added, []string{"ghost"}) {
			t.Errorf("got %+v, want no problem, and ghost added", r)
		}
		_, r = s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"files": {"command": "f"}}}`)
		if len(r.Problems) != 1 || r.Problems[0].Severity != jsondoc.Warning {
			t.Errorf("when it is gone again: got %+v, want one warning", r.Problems)
		}
	})
}

func TestChanges_inQuickSuccession_keepTheirOrder(t *testing.T) {
	one := func(arg string) string { return `{"mcpServers": {"files": {"url": "http://h/` + arg + `"}}}` }
	inOffice(t, withServers(one("1")), nil, func(t *testing.T, s *stage) {
		s.inForce()
		s.Send(s.pid, changed(messages.RoleServers, serversFile, one("2")))
		s.Send(s.pid, changed(messages.RoleServers, serversFile, one("3")))
		second := testkit.Expect[messages.ReplaceSnapshot](t, s.gateway).Snapshot
		third := testkit.Expect[messages.ReplaceSnapshot](t, s.gateway).Snapshot
		if second.Generation != 2 || third.Generation != 3 {
			t.Fatalf("got generations %d, %d, want 2, 3", second.Generation, third.Generation)
		}
		testkit.ExpectNone(t, s.supervisor)
		s.Send(s.pid, messages.SnapshotReplaced{Generation: 7}) // Nobody's.
		testkit.ExpectNone(t, s.supervisor)
		s.Send(s.pid, messages.SnapshotReplaced{Generation: 2})
		d2 := testkit.Expect[messages.ApplyDiff](t, s.supervisor)
		testkit.ExpectNone(t, s.supervisor)
		s.Send(s.pid, messages.SnapshotReplaced{Generation: 3})
		d3 := testkit.Expect[messages.ApplyDiff](t, s.supervisor)
		if shape(d2) != "drain files, start files@2" || shape(d3) != "drain files, start files@3" || d3.Drain[0].Cell != d2.Start[0].Cell {
			t.Errorf("got %s; %s, want drain files, start files@2; drain files, start files@3 and the cell of the first drained", shape(d2), shape(d3))
		}
		s.Send(s.pid, messages.SnapshotReplaced{Generation: 3}) // A second time is nobody's either.
		testkit.ExpectNone(t, s.supervisor)
	})
}

// A bug in the reading of one change must neither undo nor repeat what is in
// force.
func TestChange_thatPanics_leavesWhatIsInForce(t *testing.T) {
	change := func(src *configactor.Sources) {
		src.ReachesSelf = func(url string) bool {
			if url == "http://boom" {
				panic("a bug")
			}
			return false
		}
	}
	inOffice(t, withServers(`{"mcpServers": {"files": {"command": "f"}}}`), change, func(t *testing.T, s *stage) {
		s.inForce()
		testkit.Expect[messages.ConfigReloaded](t, s.events)
		s.Send(s.pid, changed(messages.RoleServers, serversFile, `{"mcpServers": {"files": {"url": "http://boom"}}}`))
		s.nothing()
		d, r := s.apply(messages.RoleServers, serversFile, `{"mcpServers": {"files": {"command": "f"}, "more": {"command": "m"}}}`)
		if shape(d) != "start more@2, keep files@1" || r.Generation != 2 {
			t.Errorf("got %s in generation %d, want %q in generation 2", shape(d), r.Generation, "start more@2, keep files@1")
		}
	})
}

func TestPlans_sayHowAServerStarts(t *testing.T) {
	const servers = `{"mcpServers": {
		"silent": {"command": "a"},
		"lazy":   {"command": "b", "gateway": {"start": "lazy"}},
		"eager":  {"command": "c", "gateway": {"start": "eager"}},
		"self":   {"command": "gatehouse"}}}`
	for _, lazy := range []bool{false, true} {
		change := func(src *configactor.Sources) {
			src.Lazy = lazy
			src.RunsSelf = func(spec resolve.Spec) bool { return spec.Command == "gatehouse" }
		}
		inOffice(t, withServers(servers), change, func(t *testing.T, s *stage) {
			for _, p := range s.inForce().Start {
				want := map[string]bool{"silent": lazy, "lazy": true, "eager": false, "self": lazy}[p.Entry.Name]
				state := endpoint.Starting
				if want {
					state = endpoint.Idle
				}
				if p.Entry.Name == "self" {
					state = endpoint.Misconfigured
					if p.Unusable != state || p.Reason != "this is the gateway itself" {
						t.Errorf("got %s: %s, want %s: this is the gateway itself", p.Unusable, p.Reason, state)
					}
				}
				if p.Lazy != want || p.Cell.Status().State != state {
					t.Errorf("%s with --init-strategy lazy %v: got lazy %v, %s, want lazy %v, %s", p.Entry.Name, lazy, p.Lazy, p.Cell.Status().State, want, state)
				}
			}
		})
	}
}

func TestLoad_givesAllProblemsOfAllFiles(t *testing.T) {
	src := configactor.Sources{ServersFile: serversFile, RulesFile: rulesFile, ReachesSelf: noURL, RunsSelf: noProgram}
	bad := files{serversFile: `{"mcpServers": {"x": {}}}`, rulesFile: `{"agents": {"": {}}}`}
	_, problems := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged {
		return changed(role, path, bad[path])
	})
	inFile := map[string]int{}
	for _, p := range problems {
		inFile[p.File]++
	}
	if !jsondoc.HasErrors(problems) || inFile[serversFile] == 0 || inFile[rulesFile] == 0 {
		t.Errorf("got %v, want errors in both files", problems)
	}
}

func TestLoaded_namesMisconfiguredServersAsWarnings(t *testing.T) {
	src := configactor.Sources{ServersFile: serversFile, RulesFile: rulesFile, Env: resolve.Env{FileDir: "/s", ServersDir: "/state/servers"}, ReachesSelf: noURL, RunsSelf: noProgram}
	f := withServers("{\"mcpServers\": {\"ok\": {\"command\": \"o\"},\n \"bad\": {\"command\": \"${NOT_SET}\"}}}")
	l, problems := configactor.Load(src, func(role messages.FileRole, path string) messages.ConfigChanged { return changed(role, path, f[path]) })
	if len(problems) > 0 {
		t.Fatalf("got %v, want none", problems)
	}
	got := src.Misconfigured(l)
	if len(got) != 1 || got[0].Path != "mcpServers.bad" || got[0].Line != 2 || got[0].Severity != jsondoc.Warning || !strings.Contains(got[0].Message, "NOT_SET") {
		t.Errorf("got %+v, want one warning at mcpServers.bad, line 2, about NOT_SET", got)
	}
	if l.Hash(rulesFile) != changed("", "", someRules).Hash || policy.Compile(l.Rules) == nil {
		t.Error("the rules were not loaded")
	}
}
